import type { Arch } from "../../core/abi/arch/arch.ts";
import { SIGTRAP } from "../../core/abi/signal.ts";
import type { WaitStatus } from "../../core/abi/wait.ts";
import type { Tid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import type { TraceeObserver } from "../../core/trace/observer.ts";
import { Tracee } from "../../core/trace/tracee.ts";
import { mapOutcome, type Outcome, Parked } from "../../core/vfs/parked.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { Borrowing, type Job } from "./borrowing.ts";
import type { Controller } from "./controller.ts";
import { LivePtrace } from "./live-ptrace.ts";
import type { RepairSharing } from "./repair-sharing.ts";
import type { SeizeWatch } from "./seize-watch.ts";
import type { Traced, WaitLoop } from "./wait-loop.ts";

/** One process under control, from attach to detach or exit. */
export class Attachment implements TraceeObserver, Traced {
  readonly process: LiveProcess;
  /** Undefined: a visit of ours, that nobody is shown anything of and that ends with what it is for. */
  readonly controller: Controller | undefined;
  readonly tracee: Tracee;
  readonly #loop: WaitLoop;
  readonly #sharing: RepairSharing;
  readonly #ptrace: LivePtrace;
  readonly #mayKeepAfterExec: () => boolean;
  readonly #ended: () => void;
  /** Requests that wait for the stop. */
  readonly #waiting = new Set<Parked<void>>();
  readonly #detaching: Parked<void>[] = [];
  /** When all that is asked for now is done, a stop is moved to where the target survives the daemon's death. */
  #rest: NodeJS.Immediate | undefined;

  constructor(
    process: LiveProcess,
    controller: Controller | undefined,
    loop: WaitLoop,
    { sharing, watch }: { readonly sharing: RepairSharing; readonly watch: SeizeWatch },
    hooks: { mayKeepAfterExec(): boolean; ended(): void },
  ) {
    this.process = process;
    this.controller = controller;
    this.#loop = loop;
    this.#sharing = sharing;
    this.#mayKeepAfterExec = hooks.mayKeepAfterExec;
    this.#ended = hooks.ended;
    this.#ptrace = new LivePtrace(process, watch);
    this.tracee = new Tracee(process.pid, this.#ptrace, this);
  }

  /** Done when the process is stopped; at once if it is. Does `then` in that moment. */
  whenStopped(then: () => void): Outcome<void> {
    if (this.tracee.mode !== "stopped") this.#loop.spin(this.tracee.current, () => this.tracee.mode === "stopped");
    if (this.tracee.mode === "stopped") return then();
    const stopped = new Parked<void>(() => this.#waiting.delete(stopped));
    this.#waiting.add(stopped);
    return mapOutcome(stopped, then);
  }

  /** Who has it under control. */
  get holder(): string {
    return this.controller?.key ?? "this server, for a moment; try again";
  }

  /** Lends a thread to `job` while all are stopped. Interrupted before that, the job is not done. */
  borrow<T>(job: Job<T>, arch: Arch): Outcome<void> {
    const borrowing = new Borrowing(job, {
      arch,
      loop: this.#loop,
      watched: this.controller !== undefined,
      kill: (signal) => this.#ptrace.kill(signal),
      withdraw: (borrower) => this.tracee.withdraw(borrower),
      over: () => {
        if (!this.controller) this.detach();
      },
    });
    this.tracee.lend(borrowing);
    this.#loop.spin(this.tracee.current, () => borrowing.outcome.ended);
    return borrowing.outcome;
  }

  detach(): Outcome<void> {
    const done = new Parked<void>();
    this.#detaching.push(done);
    if (this.controller) this.tracee.detach();
    else this.tracee.release();
    if (!done.ended) this.#loop.spin(this.tracee.current, () => done.ended);
    return done.ended ? undefined : done;
  }

  handle(tid: Tid, status: WaitStatus): void {
    // SIGTRAP is a step's, mostly, behind which no call was interrupted.
    if (status.kind === "stopped" && status.event === 0 && status.signal !== SIGTRAP) {
      this.#sharing.repeatCall(tid, status.signal);
    }
    this.tracee.handle(tid, status);
  }

  vanished(tid: Tid): void {
    this.tracee.vanished(tid);
  }

  sweep(): void {
    this.tracee.claim(this.#ptrace.traced());
  }

  traces(tid: Tid): void {
    this.#loop.add(tid, this);
  }

  untraces(tid: Tid): void {
    this.#loop.remove(tid);
  }

  mayKeepAfterExec(): boolean {
    return this.#mayKeepAfterExec();
  }

  stopped(): void {
    // It costs a second trap, which stepping as fast as it goes does not pay: its next word is there before the loop turns.
    this.#rest ??= setImmediate(() => {
      this.#rest = undefined;
      this.tracee.makeCrashSafe();
    });
    for (const parked of this.#takeWaiting()) parked.settle();
  }

  exited(): void {
    this.#end(new Errno("ESRCH", `process ${this.process.pid} has exited`));
  }

  detached(): void {
    this.#end(new Errno("EBUSY", `process ${this.process.pid} is no longer controlled`));
  }

  /** A settled request may wait anew at once: it belongs to the next stop. */
  #takeWaiting(): readonly Parked<void>[] {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    return waiting;
  }

  #end(reason: Errno): void {
    clearImmediate(this.#rest);
    this.#ended();
    for (const parked of this.#takeWaiting()) parked.fail(reason);
    for (const parked of this.#detaching.splice(0)) parked.settle();
  }
}
