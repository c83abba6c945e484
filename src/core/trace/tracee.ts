import type { WaitStatus } from "../abi/wait.ts";
import { invariant } from "../base/assert.ts";
import type { Pid, Tid } from "../base/brand.ts";
import { isErrno } from "../base/errno.ts";
import type { Breakpoint, BreakRequest } from "./break-table.ts";
import type { CodePort, Patch } from "./code-port.ts";
import type { Borrower } from "./loan.ts";
import { Machine } from "./machine.ts";
import type { Mode, Peek, TraceeObserver } from "./observer.ts";
import type { PtracePort } from "./ptrace-port.ts";
import { isTrapped } from "./stop.ts";
import type { Why } from "./why.ts";

/**
 * The rules of tracing one process: what is asked of it, and which ptrace request comes next; what its threads report is
 * {@link Machine}'s. All-stop: when one thread reports, the others are interrupted. Owned by the thread that owns ptrace;
 * never blocks.
 */
export class Tracee {
  readonly #machine: Machine;
  readonly #code: CodePort;

  constructor(pid: Pid, ptrace: PtracePort, code: CodePort, observer: TraceeObserver) {
    this.#machine = new Machine(pid, ptrace, code, observer);
    this.#code = code;
  }

  get mode(): Mode {
    const { mode, loans } = this.#machine;
    return mode === "stopped" && loans.lent ? "stopping" : mode;
  }

  /** Whether every thread is in a stop; false when none is left. */
  get isHeld(): boolean {
    const { threads } = this.#machine;
    return threads.size > 0 && threads.all().every(({ stop }) => stop);
  }

  /** Whether a controller has been told so: also while a thread is moved or lent. */
  get isStopped(): boolean {
    const { mode, report } = this.#machine;
    return mode === "stopped" || (mode === "stopping" && !report.isNew);
  }

  /** The thread that reported the stop, or was chosen since; registers and single steps are its. */
  get current(): Tid {
    return this.#machine.report.current;
  }

  /** Why the process is stopped, and the thread that this is about. Of the last stop while it runs. */
  get report(): { readonly why: Why; readonly thread: Tid } {
    return this.#machine.report;
  }

  /** Why one thread of a stopped process is stopped: what the stop is about, what it would report itself, or that it is held. ESRCH. */
  reportOf(tid: Tid): { readonly why: Why; readonly thread: Tid } {
    const { report } = this.#machine;
    const thread = this.#machine.known(tid);
    if (tid === report.thread) return report;
    return { why: report.whyOf(thread) ?? { kind: "held" }, thread: tid };
  }

  /** Takes every thread and begins to stop them. EPERM, ESRCH; nothing is left traced when it fails. */
  attach(): void {
    const { threads, report } = this.#machine;
    try {
      if (!threads.seizeNew()) throw this.#machine.reason("ESRCH", "has exited");
    } catch (error) {
      this.detach();
      throw error;
    }
    if (!threads.has(report.current)) report.replace();
    threads.interruptRunning();
  }

  /** Lets every thread run on; an unreported signal of another thread is reported instead. */
  run(): void {
    invariant(this.mode === "stopped", "trace/tracee run: not stopped");
    const { pending } = this.#machine.report;
    if (pending) this.#machine.tellOf(pending);
    else this.#machine.go("running");
  }

  /** One instruction of the current thread; an unreported signal of that one is reported instead. */
  step(): void {
    invariant(this.mode === "stopped", "trace/tracee step: not stopped");
    const { threads, report } = this.#machine;
    const thread = threads.get(this.current);
    if (report.isPending(thread)) {
      this.#machine.tellOf(thread);
      return;
    }
    this.#machine.go("stepping");
    threads.resume(thread, "step", 0);
  }

  /** Begins to stop every thread. What reports until they have stopped is the reason, else that they were halted. */
  halt(): void {
    const { mode, report } = this.#machine;
    if (mode !== "running" && mode !== "stepping") return;
    report.next({ kind: "halt" });
    this.#machine.stop();
  }

  /** Continues, the current thread delivering `signal`. */
  deliver(signal: number): void {
    invariant(this.mode === "stopped", "trace/tracee deliver: not stopped");
    const { threads, signals, off } = this.#machine;
    const thread = threads.get(this.current);
    // Only a thread that is about to deliver a signal can be given another one; else it is sent, and passed on unseen.
    if (thread.stop?.kind === "signal" || isTrapped(thread.stop) || off.standsOnOne(thread)) thread.inject = signal;
    else signals.send(signal);
    this.#machine.go("running");
  }

  /** Adds a breakpoint, which is in memory while the process runs, or a watchpoint. ENOSPC where no debug register is left. */
  addBreakpoint(request: BreakRequest): Breakpoint {
    invariant(this.mode === "stopped", "trace/tracee addBreakpoint: not stopped");
    const { places, threads } = this.#machine;
    const { breaks, table, watches } = places;
    watches.check(request, threads.get(this.current));
    if (!breaks.any) this.#code.reportForks(threads.all().map(({ tid }) => tid));
    const row = table.add(request);
    watches.changed();
    return row;
  }

  /** From now on these signals are delivered without a stop; with `tell` they are told again. Also while it runs. */
  ignore(signals: readonly number[], tell: boolean): void {
    const { ignored } = this.#machine.threads;
    for (const signal of signals) {
      if (tell) ignored.delete(signal);
      else ignored.add(signal);
    }
  }

  /** System calls, by number, at whose entry and exit a thread stops from its next run on. */
  traceCalls(calls: ReadonlySet<number> | "all" | undefined): void {
    this.#machine.threads.calls = calls;
  }

  /** ENOENT. */
  clearBreakpoints(which: number | "all"): void {
    invariant(this.mode === "stopped", "trace/tracee clearBreakpoints: not stopped");
    const { table, watches } = this.#machine.places;
    table.clear(which);
    watches.changed();
  }

  get breakpoints(): readonly Breakpoint[] {
    return this.#machine.places.table.listed;
  }

  /** Those that are in memory now. */
  get planted(): readonly Patch[] {
    return this.#machine.places.breaks.planted;
  }

  /** Where they are being put in or taken out in this moment. */
  get changing(): readonly number[] {
    return this.#machine.places.breaks.changing;
  }

  /** From now on the current thread. ESRCH. */
  choose(tid: Tid): void {
    invariant(this.mode === "stopped", "trace/tracee choose: not stopped");
    this.#machine.report.current = this.#machine.known(tid).tid;
  }

  /** Lets the process go as soon as its threads stop; signals nobody was shown are delivered after all. */
  detach(): void {
    this.#machine.leave();
  }

  /** As {@link detach}, where nobody was shown anything: every signal is delivered after all. */
  release(): void {
    for (const thread of this.#machine.threads.all()) thread.reported = false;
    this.detach();
  }

  /**
   * Looks at a thread, by default the current one, interrupting it for the moment if it runs. EBUSY while the process is let
   * go, ESRCH for a thread that it does not have.
   */
  peek(peek: Peek, tid?: Tid): void {
    try {
      if (this.#machine.isLeaving) throw this.#machine.reason("EBUSY", "is being let go");
      this.#machine.ask(peek, this.#machine.known(tid ?? this.current), tid === undefined);
    } catch (error) {
      if (!isErrno(error)) throw error;
      peek.fail(error);
    }
  }

  /** Stops every thread, lends one of them, and goes on as if nothing had been. EBUSY while the process is let go. */
  lend(borrower: Borrower): void {
    if (this.#machine.isLeaving) {
      borrower.fail(this.#machine.reason("EBUSY", "is being let go"));
      return;
    }
    this.#machine.loans.add(borrower);
    this.#machine.threads.interruptRunning();
    this.#machine.checkLoans();
  }

  /** The borrower no longer waits for a thread. False when he has one: he will have to give it back. */
  withdraw(borrower: Borrower): boolean {
    if (!this.#machine.loans.withdraw(borrower)) return false;
    if (!this.#machine.loans.any) this.#machine.goOn();
    return true;
  }

  /**
   * Moves a thread out of the trap after a step, where the tracer's death would be the target's: the SIGTRAP would be
   * delivered, and the kernel leaves the trap flag set. No instruction is executed.
   */
  makeCrashSafe(): void {
    if (this.mode !== "stopped") return;
    const trapped = this.#machine.threads.all().find(({ stop }) => isTrapped(stop));
    if (trapped) this.#machine.toTrap(trapped);
  }

  /** Takes note of threads that are traced, see {@link ThreadSet.claim}. */
  claim(tids: readonly Tid[]): void {
    this.#machine.threads.claim(tids);
  }

  /** A wait status of one of the threads traced. */
  handle(tid: Tid, status: WaitStatus): void {
    this.#machine.handle(tid, status);
  }

  /** The thread is no longer there. */
  vanished(tid: Tid): void {
    this.#machine.vanished(tid);
  }
}
