import type { Arch } from "../../core/abi/arch/arch.ts";
import { SIGTRAP } from "../../core/abi/signal.ts";
import type { ExitStatus, WaitStatus } from "../../core/abi/wait.ts";
import type { Tid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import { beyond, QUOTAS } from "../../core/procfs/quotas.ts";
import type { BreakRequest } from "../../core/trace/break-table.ts";
import { callLength } from "../../core/trace/call-length.ts";
import type { TraceeObserver } from "../../core/trace/observer.ts";
import { Tracee } from "../../core/trace/tracee.ts";
import { chainOutcome, mapOutcome, type Outcome, Parked } from "../../core/vfs/parked.ts";
import { perform, type Steps } from "../../core/vfs/steps.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { Borrowing, type Job } from "./borrowing.ts";
import type { Controller } from "./controller.ts";
import type { EventLogs } from "./event-logs.ts";
import { LiveCode, type Spaces } from "./live-code.ts";
import { LivePtrace } from "./live-ptrace.ts";
import type { RepairSharing } from "./repair-sharing.ts";
import type { SeizeWatch } from "./seize-watch.ts";
import { exitLine, stopLine } from "./stop-text.ts";
import type { Traced, WaitLoop } from "./wait-loop.ts";

/** What every traced process shares. */
export interface Tracing {
  readonly arch: Arch;
  readonly loop: WaitLoop;
  readonly sharing: RepairSharing;
  readonly watch: SeizeWatch;
  readonly logs: EventLogs;
}

/** One process under control, from attach to detach or exit. */
export class Attachment implements TraceeObserver, Traced {
  readonly process: LiveProcess;
  /** Undefined: a visit of ours, that nobody is shown anything of and that ends with what it is for. */
  readonly controller: Controller | undefined;
  readonly tracee: Tracee;
  readonly #tracing: Tracing;
  readonly #ptrace: LivePtrace;
  readonly #code: LiveCode;
  readonly #mayKeepAfterExec: () => boolean;
  readonly #ended: () => void;
  /** How the thread ended that ended last: so has the process. */
  #lastExit: ExitStatus | undefined;
  /** Why it is under control no more. */
  #over: Errno | undefined;
  /** Requests that wait for the stop. */
  readonly #waiting = new Set<Parked<void>>();
  readonly #detaching: Parked<void>[] = [];
  /** When all that is asked for now is done, a stop is moved to where the target survives the daemon's death. */
  #rest: NodeJS.Immediate | undefined;
  readonly #mostThreads: number;
  #threads = 0;

  constructor(
    process: LiveProcess,
    controller: Controller | undefined,
    tracing: Tracing,
    hooks: {
      readonly mostThreads: number;
      readonly spaces: Spaces;
      mayKeepAfterExec(): boolean;
      ended(): void;
    },
  ) {
    this.process = process;
    this.controller = controller;
    this.#tracing = tracing;
    this.#mostThreads = hooks.mostThreads;
    this.#mayKeepAfterExec = hooks.mayKeepAfterExec;
    this.#ended = hooks.ended;
    this.#ptrace = new LivePtrace(process, tracing.watch, (tid) => tracing.loop.expect(tid));
    this.#code = new LiveCode(tracing.arch, this.#ptrace, hooks.spaces, () => this.tracee.isHeld);
    this.tracee = new Tracee(process.pid, this.#ptrace, this.#code, this);
    if (controller) tracing.logs.begin(process);
  }

  /** Done when the process is stopped; at once if it is. Does `then` in that moment. ESRCH, EBUSY: it has exited, was let go. */
  whenStopped<T>(then: () => T): Outcome<T> {
    if (this.tracee.mode !== "stopped") this.#spin(() => this.tracee.mode === "stopped");
    if (this.#over) throw this.#over;
    if (this.tracee.mode === "stopped") return then();
    const stopped = new Parked<void>(() => this.#waiting.delete(stopped));
    this.#waiting.add(stopped);
    return mapOutcome(stopped, then);
  }

  /** Adds a breakpoint. EBUSY when it runs; EFAULT, EPERM, EAGAIN. */
  breakAt(request: BreakRequest): Outcome<void> {
    return chainOutcome(
      this.whenStopped(() => {}),
      () => perform(this.#breakAt(request)),
    );
  }

  *#breakAt(request: BreakRequest): Steps<void> {
    this.#requireStopped();
    const isCall = request.kind !== "watch" && (yield* this.#code.check(request.address)).isCall;
    this.#requireStopped();
    if (this.tracee.breakpoints.length >= QUOTAS.breakpoints.most) throw beyond(QUOTAS.breakpoints);
    this.tracee.addBreakpoint({ ...request, isCall });
  }

  /** EBUSY. */
  #requireStopped(): void {
    if (this.tracee.mode !== "stopped") throw new Errno("EBUSY", `process ${this.process.pid} is not stopped any more`);
  }

  /** Where the call ends that the current thread of a stopped process is about to make; undefined where that makes none. */
  *callAt(): Steps<{ readonly behind: number; readonly stackPointer: bigint } | undefined> {
    const { arch } = this.#tracing;
    const { current } = this.tracee;
    const address = this.#code.counter(current);
    const stackPointer = this.#code.register(current, arch.stackPointer);
    if (address === undefined || stackPointer === undefined) return undefined;
    const length = callLength(yield* this.#code.instructionAt(address), arch.calls);
    return length === undefined ? undefined : { behind: address + length, stackPointer };
  }

  /** Who has it under control. */
  get holder(): string {
    return this.controller?.key ?? "this server, for a moment; try again";
  }

  /** Lends a thread to `job` while all are stopped. Interrupted before that, the job is not done. */
  borrow<T>(job: Job<T>): Outcome<void> {
    const { arch, loop } = this.#tracing;
    const borrowing = new Borrowing(job, {
      arch,
      loop,
      watched: this.controller !== undefined,
      kill: (signal) => this.#ptrace.kill(signal),
      withdraw: (borrower) => this.tracee.withdraw(borrower),
      over: () => {
        if (!this.controller) this.detach();
      },
    });
    this.tracee.lend(borrowing);
    this.#spin(() => borrowing.outcome.ended);
    return borrowing.outcome;
  }

  detach(): Outcome<void> {
    const done = new Parked<void>();
    this.#detaching.push(done);
    if (this.controller) this.tracee.detach();
    else this.tracee.release();
    if (!done.ended) this.#spin(() => done.ended);
    return done.ended ? undefined : done;
  }

  handle(tid: Tid, status: WaitStatus): void {
    // SIGTRAP is a step's, mostly, behind which no call was interrupted.
    if (status.kind === "stopped" && status.event === 0 && status.signal !== SIGTRAP) {
      this.#tracing.sharing.repeatCall(tid, status.signal);
    }
    if (status.kind === "exited" || status.kind === "signaled") this.#lastExit = status;
    this.tracee.handle(tid, status);
  }

  vanished(tid: Tid): void {
    this.tracee.vanished(tid);
  }

  sweep(): void {
    this.tracee.claim(this.#ptrace.traced());
  }

  traces(tid: Tid): void {
    this.#tracing.loop.add(tid, this);
    // Not from within the rules that are taking the thread.
    if (++this.#threads === this.#mostThreads + 1) setImmediate(() => this.detach());
  }

  untraces(tid: Tid): void {
    this.#tracing.loop.remove(tid);
    this.#threads--;
  }

  mayKeepAfterExec(): boolean {
    return this.#mayKeepAfterExec();
  }

  stopped(isNew: boolean): void {
    // It costs a second trap, which stepping as fast as it goes does not pay: its next word is there before the loop turns.
    this.#rest ??= setImmediate(() => {
      this.#rest = undefined;
      this.tracee.makeCrashSafe();
    });
    if (isNew && this.controller) this.#log(() => this.stopLine());
    for (const parked of this.#takeWaiting()) parked.settle();
  }

  /** Why it, or one of its threads, is stopped, see procfs(5), stop. ESRCH. */
  stopLine(tid?: Tid): string {
    const report = tid === undefined ? this.tracee.report : this.tracee.reportOf(tid);
    return stopLine(this.process, report, this.#tracing.arch);
  }

  #log(line: () => string): void {
    this.#tracing.logs.find(this.process)?.add(line);
  }

  #spin(done: () => boolean): void {
    this.#tracing.loop.spin(this.tracee.current, done);
  }

  exited(): void {
    if (this.controller && this.#lastExit) this.#tracing.logs.end(this.process, exitLine(this.#lastExit));
    this.#end(new Errno("ESRCH", `process ${this.process.pid} has exited`));
  }

  detached(): void {
    if (this.controller) {
      this.#log(() => "detached");
      this.#tracing.logs.release(this.process);
    }
    this.#end(new Errno("EBUSY", `process ${this.process.pid} is no longer controlled`));
  }

  /** A settled request may wait anew at once: it belongs to the next stop. */
  #takeWaiting(): readonly Parked<void>[] {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    return waiting;
  }

  #end(reason: Errno): void {
    this.#over = reason;
    this.#code.forget();
    clearImmediate(this.#rest);
    this.#ended();
    for (const parked of this.#takeWaiting()) parked.fail(reason);
    for (const parked of this.#detaching.splice(0)) parked.settle();
  }
}
