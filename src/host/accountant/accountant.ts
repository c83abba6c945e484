import { Errno } from "../../core/base/errno.ts";
import { Accounts } from "../../core/notify/accounts.ts";
import { canRepair } from "../../core/notify/filter.ts";
import { Job } from "../../core/notify/job.ts";
import { NO_LIMIT, type SwapLimit } from "../../core/notify/process.ts";
import { JOB_RECORD, jobRecord, NO_RECORDER, OVERCOMMIT_RECORD, type Recorder } from "../../core/notify/records.ts";
import { recover } from "../../core/notify/recovery.ts";
import type { Outcome } from "../../core/vfs/parked.ts";
import { type Console, SWAP_RESERVE_RLIMIT_ON } from "../../core/vm/swap-ledger.ts";
import type { Descriptors } from "../linux/descriptors.ts";
import { libcClose } from "../linux/ffi/libc.ts";
import { hostArch } from "../linux/host-arch.ts";
import { type RepairEnds, RepairProcess } from "../repair/repair-process.ts";
import { awaitListener } from "./await-listener.ts";
import { InFlight } from "./in-flight.ts";
import { Journal } from "./journal.ts";
import { Listener } from "./listener.ts";
import { LiveTargets } from "./live-targets.ts";
import { NotificationLoop } from "./notification-loop.ts";
import { SignalGate } from "./signal-gate.ts";
import { Supply } from "./supply.ts";

const LISTENER_RECORD = "listener ";
const numberOf = (listener: string): number => Number(listener.slice(LISTENER_RECORD.length));

/** Where what must outlive this process is kept. */
export interface AccountantState {
  /** A directory of this user's own. */
  readonly dir: string;
  readonly descriptors: Descriptors;
}

/** The accounts of this machine's processes: who comes under them, and what of them outlives this process. */
export class Accountant {
  readonly accounts: Accounts;
  readonly #recorder: Recorder;
  readonly #descriptors: Descriptors | undefined;
  readonly #loop: NotificationLoop;
  #gate: SignalGate | undefined;
  /** Undefined where no call can be repaired. */
  readonly repair: RepairProcess | undefined;
  #nextListener = 1;
  #nextJob = 1;
  #lifted = false;
  /** Commands that were announced and have not made their listeners. */
  #expected = 0;

  constructor(console: Console, state?: AccountantState) {
    const journal = state && new Journal(`${state.dir}/accounts`);
    this.#recorder = journal ?? NO_RECORDER;
    this.#descriptors = state?.descriptors;
    const policy = Object.assign(new Supply(), { overcommit: SWAP_RESERVE_RLIMIT_ON });
    this.accounts = new Accounts(new LiveTargets(), policy, console, this.#recorder);
    const inFlight = new InFlight(state && `${state.dir}/in-flight`);
    const log = (line: string): void => void process.stderr.write(`lyonnais: ${line}\n`);
    const connect = (ends: RepairEnds): void =>
      this.#gate?.connect(
        ends,
        [...this.accounts.population].map(({ pid }) => pid),
      );
    if (canRepair(hostArch())) this.repair = new RepairProcess({ connect, log, descriptors: state?.descriptors });
    this.#loop = new NotificationLoop(
      this.accounts,
      inFlight,
      (listener) => this.#forget(listener),
      (loop) => {
        this.#gate = new SignalGate(loop, () => this.repair?.suspect());
        return this.#gate;
      },
    );
    if (!journal || !state) return;
    try {
      this.#recover(journal, state.descriptors.kept, inFlight);
    } catch (error) {
      // What is watched would keep a process going that cannot begin.
      this.#loop.close();
      throw error;
    }
  }

  /** Goes on where a process that was killed has stopped. */
  #recover({ found }: Journal, kept: ReadonlyMap<string, number>, inFlight: InFlight): void {
    const names = [...kept.keys()].filter((name) => name.startsWith(LISTENER_RECORD));
    // Without a listener nothing can go on: those processes have ended, or run unwatched.
    for (const key of found.keys()) {
      if (names.length === 0 || (key.startsWith(LISTENER_RECORD) && !kept.has(key))) this.#recorder.drop(key);
    }
    const jobs = names.length > 0 ? recover(this.accounts, found) : new Map<number, Job>();
    this.#nextJob = Math.max(0, ...jobs.keys()) + 1;
    for (const name of names) {
      const number = numberOf(name);
      const job = jobs.get(Number(found.get(name))) ?? this.accounts.rootJob;
      const listener = new Listener(kept.get(name)!, number, job);
      this.#nextListener = Math.max(this.#nextListener, number + 1);
      this.#loop.listen(listener);
      this.#loop.goOn(
        listener,
        inFlight.found.filter((slot) => slot.listener === number),
      );
    }
    // Whom it shall look at is known now.
    if (names.length > 0) void this.repair?.keep();
    for (const slot of inFlight.found) if (!kept.has(LISTENER_RECORD + slot.listener)) slot.free();
  }

  /** How many commands and adopted processes there are, with their children. */
  get trees(): number {
    return this.#loop.listeners + this.#expected;
  }

  /** Whether the accounts go on when this process is killed. */
  get outlives(): boolean {
    return this.#descriptors !== undefined;
  }

  /**
   * Process `pid` is about to put itself under a filter, whose listener will be its descriptor `fd`, and to become a
   * command. One that is under accounting already only gets the limits, and false is returned. EPERM where its descriptors
   * cannot be taken, ESRCH; EBUSY after {@link lift}.
   */
  launch(pid: number, fd: number, limit: SwapLimit, budget: number, repair = true): boolean {
    if (this.#lifted)
      throw new Errno("EBUSY", "the daemon has lifted all limits and goes with the last command: wait for it");
    const { population, targets } = this.accounts;
    const known = population.find(pid);
    if (known) {
      known.limit = { soft: Math.min(limit.soft, known.limit.hard), hard: Math.min(limit.hard, known.limit.hard) };
      if (budget !== Number.POSITIVE_INFINITY) known.space.moveTo(this.#newJob(known.limit, budget, known.space.job));
      population.record(known);
      return false;
    }
    const ids = targets.ids(pid);
    const image = targets.image(pid);
    if (!ids || !image) throw new Errno("ESRCH", `process ${pid} has exited`);
    const job = this.#newJob(limit, budget);
    this.#expected++;
    try {
      awaitListener(pid, fd, (listener) => {
        this.#expected--;
        if (listener === undefined) return;
        population.launch(pid, image, ids.ruid, job, limit);
        this.#listen(listener, job, repair);
      });
    } catch (error) {
      this.#expected--;
      throw error;
    }
    return true;
  }

  /** Process `pid` is stopped under the filter whose listener is `fd`: what it has is counted, and nothing refused. */
  adopt(pid: number, fd: number): void {
    const { population, targets } = this.accounts;
    const ids = targets.ids(pid);
    const image = targets.image(pid);
    if (!ids || !image) {
      libcClose(fd);
      throw new Errno("ESRCH", `process ${pid} has exited`);
    }
    const job = this.#newJob(NO_LIMIT, Number.POSITIVE_INFINITY);
    population.enter(pid, image, ids.ruid, job, NO_LIMIT);
    this.#listen(fd, job);
  }

  #newJob(limit: SwapLimit, budget: number, around?: Job): Job {
    const job = new Job(this.#nextJob++, limit, budget, around);
    this.accounts.jobs.add(job);
    this.#recorder.put(JOB_RECORD + job.id, jobRecord(job));
    return job;
  }

  /** No limit binds any more; the programs go on, and are counted. Nobody else comes under accounting. */
  lift(): void {
    this.#lifted = true;
    for (const process of this.accounts.population) {
      process.limit = NO_LIMIT;
      for (let job: Job | undefined = process.space.job; job; job = job.around) {
        job.budget = Number.POSITIVE_INFINITY;
        job.limit = NO_LIMIT;
        this.#recorder.put(JOB_RECORD + job.id, jobRecord(job));
      }
      this.accounts.population.record(process);
    }
    this.setOvercommit(0);
  }

  setOvercommit(bits: number): void {
    this.accounts.ledger.overcommit = bits;
    this.#recorder.put(OVERCOMMIT_RECORD, bits);
  }

  /** Answers the notifications of `fd`, which becomes the accountant's; not before it is kept for a successor. */
  #listen(fd: number, job: Job, repair = true): void {
    const number = this.#nextListener++;
    const listener = new Listener(fd, number, job);
    this.#recorder.put(LISTENER_RECORD + number, job.id);
    this.#expected++;
    const kept = this.#descriptors?.hold(LISTENER_RECORD + number, fd) ?? Promise.resolve();
    // From its first call on: what it does before could be interrupted.
    Promise.all([kept, repair ? this.repair?.keep() : undefined])
      // The command runs all the same, and does not outlive us.
      .catch((error) => process.stderr.write(`lyonnais: the keeper does not take a listener: ${error}\n`))
      .finally(() => {
        this.#expected--;
        this.#loop.listen(listener);
      });
  }

  /** Nobody is left of a tree: neither the job that it came into, nor one inside. */
  #forget({ number, job: tree }: Listener): void {
    this.#descriptors?.drop(LISTENER_RECORD + number);
    if (this.trees === 0) this.repair?.doNotKeep();
    this.#recorder.drop(LISTENER_RECORD + number);
    for (const job of this.accounts.jobs) {
      if (job === this.accounts.rootJob || !job.isWithin(tree)) continue;
      this.accounts.jobs.delete(job);
      this.#recorder.drop(JOB_RECORD + job.id);
    }
  }

  /** The figures are those of the kernel's maps when it resolves, as far as calls under way let them. */
  settle(): Outcome<void> {
    return this.#loop.settle();
  }

  close(): void {
    this.repair?.close();
    this.#loop.close();
  }
}
