import { Errno, isErrno } from "../../core/base/errno.ts";
import { NO_POLICY, type Policy } from "../../core/policy/policy.ts";
import type { SwapLimit } from "../../core/space/limit.ts";
import { canRepair } from "../../core/trap/filter.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import { perform, type Steps, step } from "../../core/vfs/steps.ts";
import type { Descriptors } from "../linux/descriptors.ts";
import { libcClose } from "../linux/ffi/libc.ts";
import { hostArch } from "../linux/host-arch.ts";
import { Pulse } from "../linux/pulse.ts";
import { RepairProcess } from "../repair/repair-process.ts";
import type { RepairEnds } from "../repair/repair-setting.ts";
import { awaitListener, isListener } from "./await-listener.ts";
import type { Acceptance } from "./handshake.ts";
import { prepareInFlight } from "./in-flight.ts";
import { type Arguments, LISTENER_RECORD, type Method, type NewListener, type Result } from "./requests.ts";
import { ThreadLink } from "./thread-link.ts";

/** Where the state is kept that outlives this process. */
export interface AccountantState {
  /** A directory that belongs to this user: the journal and the slots of open calls. */
  readonly dir: string;
  /** What the keeper holds: listeners, and what belongs to the repairer. */
  readonly descriptors: Descriptors;
}

/** What a command is run with. `budget`: pages of its own job, Infinity for none. `repair`: calls that a signal interrupts are repeated. */
export interface RunTerms {
  readonly limit: SwapLimit;
  readonly budget: number;
  readonly repair: boolean;
  /** What the job is called. */
  readonly label?: string | undefined;
}

export interface AccountantOptions {
  /** Absent: the accounts end with this process. */
  readonly state?: AccountantState | undefined;
  /** The administrator's limits. */
  readonly policy?: Policy | undefined;
  /** Takes blocks of history, `core/history`; absent: none is told. */
  readonly history?: ((block: Uint8Array) => void) | undefined;
  /** Logs a line. */
  print(line: string): void;
  /** An error that belongs to no request. */
  onBug(error: unknown): void;
  /** The accountant's thread has died: every trapped call waits. This process has to end, so that a successor goes on. */
  onDeath(error: Error): void;
}

/**
 * The main thread's side of the accounts: brings processes under accounting, has the keeper hold their listeners, and passes requests to
 * the accountant's thread, which it starts when that is first needed.
 */
export class Accountant {
  /** Resolves when the accounts of the daemon before this one are restored, at once where there are none. Rejects with what files throw. */
  readonly ready: Promise<void> = Promise.resolve();
  /** Undefined on an architecture where interrupted calls cannot be repeated. */
  readonly repair: RepairProcess | undefined;
  /** What the accountant's thread shows to whoever watches it: of a Pulse. */
  readonly pulse: Int32Array = Pulse.words();
  readonly #options: AccountantOptions;
  /** The accountant's thread; undefined while none runs. */
  #link: ThreadLink | undefined;
  /** The numbers of the listeners whose filters have processes. */
  readonly #listeners = new Set<number>();
  #nextListener = 1;
  #policy: Policy;
  #lifted = false;
  /** How many launchers were announced whose listener does not exist yet. */
  #expected = 0;

  /** What the files of the state throw. */
  constructor(options: AccountantOptions) {
    this.#options = options;
    this.#policy = options.policy ?? NO_POLICY;
    if (canRepair(hostArch())) {
      this.repair = new RepairProcess({
        connect: (ends: RepairEnds) => void this.ask("repairer", ends),
        log: (line) => options.print(`lyonnais: ${line}`),
        descriptors: options.state?.descriptors,
      });
    }
    if (!options.state) return;
    const { dir, descriptors } = options.state;
    prepareInFlight(`${dir}/in-flight`);
    const kept: NewListener[] = [];
    for (const [name, fd] of descriptors.kept) {
      if (!name.startsWith(LISTENER_RECORD)) continue;
      const number = Number(name.slice(LISTENER_RECORD.length));
      kept.push({ number, fd });
      this.#listeners.add(number);
      this.#nextListener = Math.max(this.#nextListener, number + 1);
    }
    if (kept.length === 0) return;
    this.ready = this.#start(kept).ready;
    void this.repair?.keep();
  }

  #start(kept: readonly NewListener[]): ThreadLink {
    const link = new ThreadLink(
      {
        pulse: this.pulse,
        dir: this.#options.state?.dir,
        keepsHistory: this.#options.history !== undefined,
        kept,
        policy: this.#policy,
      },
      {
        ended: (number) => {
          this.#listeners.delete(number);
          this.#options.state?.descriptors.drop(LISTENER_RECORD + number);
          if (this.trees === 0) this.repair?.doNotKeep();
        },
        print: this.#options.print,
        history: (block) => this.#options.history?.(block),
        died: this.#options.onDeath,
      },
    );
    this.#link = link;
    // A thread that cannot begin has lost nothing: the next request starts another one.
    link.ready.catch(() => {
      if (this.#link === link) this.#link = undefined;
    });
    return link;
  }

  /** Sends a request to the accountant's thread, which is started if none runs. */
  ask<M extends Method>(method: M, ...args: Arguments<M>): Parked<Result<M>> {
    const link = this.#link ?? this.#start([]);
    return link.ask(method, ...args);
  }

  /** As {@link ask} where a thread runs; else the result is `without`. */
  askIfAny<M extends Method>(without: Result<M>, method: M, ...args: Arguments<M>): Outcome<Result<M>> {
    return this.#link ? this.#link.ask(method, ...args) : without;
  }

  /** How many trees of processes are under accounting: commands and adopted processes, each with its children. */
  get trees(): number {
    return this.#listeners.size + this.#expected;
  }

  /** Settles when {@link trees} counts every exit that has happened before this call. */
  catchUp(): Outcome<void> {
    return this.askIfAny(undefined, "catchUp");
  }

  /** Whether a successor can restore the accounts when this process is killed. */
  get outlives(): boolean {
    return this.#options.state !== undefined;
  }

  /**
   * Process `pid` is about to put itself under a filter, whose listener will be its descriptor `fd`, and to become a
   * command. One that is under accounting already only gets the limits, and false is returned. EPERM where its descriptors
   * cannot be taken, ESRCH; EBUSY after {@link lift}. `acceptance` is given when the listener is kept; closed else.
   */
  launch(pid: number, fd: number, terms: RunTerms, acceptance: Acceptance): Outcome<boolean> {
    return perform(this.#launch(pid, fd, terms, acceptance));
  }

  *#launch(pid: number, fd: number, terms: RunTerms, acceptance: Acceptance): Steps<boolean> {
    try {
      this.refuseIfLifted();
      const isKnown = yield* step(this.ask("relimit", pid, terms.limit, terms.budget, terms.label));
      if (isKnown) acceptance.close();
      else this.#awaitLaunch(pid, fd, terms, acceptance);
      return !isKnown;
    } catch (error) {
      acceptance.close();
      throw error;
    }
  }

  #awaitLaunch(pid: number, fd: number, { limit, budget, repair, label }: RunTerms, acceptance: Acceptance): void {
    this.#expected++;
    try {
      awaitListener(pid, fd, (listener) => {
        this.#expected--;
        if (listener === undefined) {
          acceptance.close();
          return;
        }
        this.#take(
          listener,
          (taken) => this.ask("launch", pid, limit, budget, taken, label),
          repair,
          acceptance,
        ).listen({
          settled: () => {},
          failed: (error) => {
            acceptance.close();
            // The launcher has exited meanwhile: that is no defect.
            if (!isErrno(error, "ESRCH")) this.#options.onBug(error);
          },
        });
      });
    } catch (error) {
      this.#expected--;
      throw error;
    }
  }

  /** Process `pid` is stopped under the filter whose listener is `fd`, which becomes ours: what it has is counted, and nothing refused. */
  adopt(pid: number, fd: number, sessionOf?: number): Parked<void> {
    return this.#take(fd, (listener) => this.ask("adopt", pid, listener, sessionOf));
  }

  /**
   * A container runtime has put process `pid` under the filter whose listener is `fd`, which becomes ours; its job is that of the
   * container, with a budget in pages. EINVAL: it is no listener; EBUSY after {@link lift}. It is closed then, and the process's calls
   * fail.
   */
  contain(pid: number, fd: number, container: string, budget: number): Parked<void> {
    const noListener = isListener(fd)
      ? undefined
      : new Errno("EINVAL", `what was sent for process ${pid} is no listener`);
    const refusal = this.#lifted ? hasLifted() : noListener;
    if (!refusal) return this.#take(fd, (listener) => this.ask("contain", pid, container, budget, listener), false);
    libcClose(fd);
    const refused = new Parked<void>();
    refused.fail(refusal);
    return refused;
  }

  get policy(): Policy {
    return this.#policy;
  }

  /** Sets the administrator's limits, of present and later processes. EBUSY after {@link lift}. */
  setPolicy(policy: Policy): Outcome<void> {
    this.refuseIfLifted();
    this.#policy = policy;
    return this.askIfAny(undefined, "setPolicy", policy);
  }

  /**
   * Has the thread know of a listener, then the keeper hold it, and then its notifications answered: a kill in between loses nobody.
   * Whoever waits for it can be interrupted, it cannot.
   */
  #take(
    fd: number,
    come: (listener: NewListener) => Parked<number>,
    repair = true,
    acceptance?: Acceptance,
  ): Parked<void> {
    const number = this.#nextListener++;
    this.#listeners.add(number);
    const taken = new Parked<void>();
    come({ number, fd }).listen({
      settled: (owner) => {
        this.#keep({ number, fd }, owner, repair, acceptance);
        taken.settle();
      },
      failed: (error) => {
        this.#listeners.delete(number);
        taken.fail(error);
      },
    });
    return taken;
  }

  #keep({ number, fd }: NewListener, owner: number, repair: boolean, acceptance: Acceptance | undefined): void {
    const kept = this.#options.state?.descriptors.hold(LISTENER_RECORD + number, fd, owner) ?? Promise.resolve();
    // The repairer has to run before the first call is received: a signal could interrupt that call.
    Promise.all([kept, repair ? this.repair?.keep() : undefined])
      // The command runs all the same. Its calls fail with ENOSYS when this daemon ends.
      .catch((error) => this.#options.print(`lyonnais: the keeper does not take a listener: ${error}`))
      .finally(() => {
        this.ask("listen", number);
        acceptance?.give();
      });
  }

  /** A process that was released for another tracer may be seized by the repairer again. */
  seizeAgain(pid: number): void {
    this.askIfAny(undefined, "seizeAgain", pid);
  }

  /** EBUSY after {@link lift}: a daemon that holds nobody to a limit must not be taken for one that does. */
  refuseIfLifted(): void {
    if (this.#lifted) throw hasLifted();
  }

  /** Lifts all limits: the programs go on and are counted. No further process comes under accounting. */
  lift(): void {
    this.#lifted = true;
    this.ask("lift");
  }

  async close(): Promise<void> {
    this.repair?.close();
    const link = this.#link;
    this.#link = undefined;
    await link?.close();
  }
}

const hasLifted = (): Errno =>
  new Errno("EBUSY", "the daemon was stopped: it has lifted all limits and ends with the last command; wait for it");
