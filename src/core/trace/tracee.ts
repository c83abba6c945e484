import type { WaitStatus } from "../abi/wait.ts";
import { invariant } from "../base/assert.ts";
import type { Pid, Tid } from "../base/brand.ts";
import { Errno, type ErrnoName } from "../base/errno.ts";
import { type Borrower, Loans } from "./loan.ts";
import type { Mode, Peek, TraceeObserver } from "./observer.ts";
import { OwnSignals } from "./own-signals.ts";
import type { PtracePort } from "./ptrace-port.ts";
import { classifyStop, isReportable } from "./stop.ts";
import { Strangers } from "./strangers.ts";
import { type Thread, ThreadSet } from "./thread-set.ts";

/**
 * The rules of tracing one process: what its threads' wait statuses mean and which ptrace request comes next. All-stop:
 * when one thread reports, the others are interrupted. Owned by the thread that owns ptrace; never blocks.
 */
export class Tracee {
  readonly #pid: Pid;
  readonly #observer: TraceeObserver;
  readonly #threads: ThreadSet;
  readonly #peeks: Peek[] = [];
  readonly #loans = new Loans();
  readonly #strangers: Strangers;
  readonly #signals: OwnSignals;
  #mode: Mode = "stopping";
  #current: Tid;
  /** Threads may have been born unseen since the last full stop: not while all others are held for a step. */
  #mayHaveGrown = true;

  constructor(pid: Pid, ptrace: PtracePort, observer: TraceeObserver) {
    this.#pid = pid;
    this.#observer = observer;
    this.#threads = new ThreadSet(ptrace, observer);
    this.#strangers = new Strangers(ptrace, observer);
    this.#signals = new OwnSignals(ptrace, this.#threads);
    this.#current = pid as number as Tid;
  }

  get mode(): Mode {
    return this.#mode === "stopped" && this.#loans.lent ? "stopping" : this.#mode;
  }

  /** The thread that reported the stop; registers and single steps are its. */
  get current(): Tid {
    return this.#current;
  }

  /** Takes every thread and begins to stop them. EPERM, ESRCH; nothing is left traced when it fails. */
  attach(): void {
    try {
      if (!this.#threads.seizeNew()) throw this.#reason("ESRCH", "has exited");
    } catch (error) {
      this.detach();
      throw error;
    }
    if (!this.#threads.has(this.#current)) this.#chooseCurrent();
    this.#threads.interruptRunning();
  }

  /** Lets every thread run on; an unreported signal of another thread is reported instead. */
  run(): void {
    invariant(this.mode === "stopped", "trace/tracee run: not stopped");
    const pending = this.#pendingReport();
    if (pending) {
      this.#report(pending);
      this.#observer.stopped();
      return;
    }
    this.#signals.endJobStop();
    this.#mode = "running";
    this.#mayHaveGrown = true;
    for (const thread of this.#threads.all()) this.#threads.resume(thread, "run", 0);
  }

  step(): void {
    invariant(this.mode === "stopped", "trace/tracee step: not stopped");
    this.#signals.endJobStop();
    this.#mode = "stepping";
    this.#threads.resume(this.#threads.get(this.#current), "step", 0);
  }

  /** Continues, the current thread delivering `signal`. */
  deliver(signal: number): void {
    invariant(this.mode === "stopped", "trace/tracee deliver: not stopped");
    const { stop } = this.#threads.get(this.#current);
    this.#signals.endJobStop();
    this.#mode = "running";
    this.#mayHaveGrown = true;
    // Only a thread that is about to deliver a signal can be given another one; else it is sent, and passed on unseen.
    const direct = stop?.kind === "signal" || stop?.kind === "step";
    if (!direct) this.#signals.send(signal);
    for (const thread of this.#threads.all()) {
      this.#threads.resume(thread, "run", direct && thread.tid === this.#current ? signal : 0);
    }
  }

  /** Lets the process go as soon as its threads stop; signals nobody was shown are delivered after all. */
  detach(): void {
    if (this.#mode === "gone") return;
    this.#mode = "detaching";
    this.#loans.refuse(this.#reason("EBUSY", "is being let go"));
    if (this.#loans.lent) return;
    for (const thread of this.#threads.all()) {
      if (thread.stop) this.#threads.letGo(thread);
      else this.#threads.interrupt(thread);
    }
    this.#checkDetached();
  }

  /** As {@link detach}, where nobody was shown anything: every signal is delivered after all. */
  release(): void {
    for (const thread of this.#threads.all()) thread.reported = false;
    this.detach();
  }

  /** Looks at the current thread, interrupting it for the moment if it runs. EBUSY while the process is let go. */
  peek(peek: Peek): void {
    if (this.#isLeaving()) {
      peek.fail(this.#reason("EBUSY", "is being let go"));
      return;
    }
    const current = this.#threads.get(this.#current);
    if (current.stop && !this.#loans.lent) peek.act(current.tid)();
    else {
      this.#peeks.push(peek);
      if (!current.stop) this.#threads.interrupt(current);
    }
  }

  /** Stops every thread, lends one of them, and goes on as if nothing had been. EBUSY while the process is let go. */
  lend(borrower: Borrower): void {
    if (this.#isLeaving()) {
      borrower.fail(this.#reason("EBUSY", "is being let go"));
      return;
    }
    this.#loans.add(borrower);
    this.#threads.interruptRunning();
    this.#checkLoans();
  }

  /** The borrower no longer waits for a thread. False when he has one: he will have to give it back. */
  withdraw(borrower: Borrower): boolean {
    if (!this.#loans.withdraw(borrower)) return false;
    if (!this.#loans.any) this.#goOn();
    return true;
  }

  /**
   * Moves the current thread out of the trap after a step, where the tracer's death would be the target's: the SIGTRAP
   * would be delivered, and the kernel leaves the trap flag set. No instruction is executed.
   */
  makeCrashSafe(): void {
    if (this.mode !== "stopped") return;
    const current = this.#threads.get(this.#current);
    if (current.stop?.kind !== "step") return;
    this.#mode = "stopping";
    this.#threads.interrupt(current);
    this.#threads.resume(current, "run", 0);
  }

  /** Takes note of threads that are traced, see {@link ThreadSet.claim}. */
  claim(tids: readonly Tid[]): void {
    this.#threads.claim(tids);
  }

  /** A wait status of one of the threads traced. */
  handle(tid: Tid, status: WaitStatus): void {
    if (this.#strangers.has(tid)) this.#strangers.dismiss(tid, status);
    else if (status.kind === "exited" || status.kind === "signaled") this.vanished(tid);
    else if (status.kind === "stopped") this.#stopped(tid, status.signal, status.event);
  }

  /** The thread is no longer there. */
  vanished(tid: Tid): void {
    if (this.#strangers.forget(tid) || !this.#threads.remove(tid)) return;
    const lost = this.#loans.lost(tid, this.#reason("ESRCH", "has exited"));
    if (this.#mode === "detaching") this.detach();
    else if (this.#threads.size === 0) {
      this.#end(this.#reason("ESRCH", "has exited"));
      this.#observer.exited();
    } else {
      if (tid === this.#current) this.#replaceCurrent();
      this.#checkStopped();
      if (lost) this.#goOn();
      else this.#checkLoans();
    }
  }

  #reason(code: ErrnoName, what: string): Errno {
    return new Errno(code, `process ${this.#pid} ${what}`);
  }

  #isLeaving(): boolean {
    return this.#mode === "detaching" || this.#mode === "gone";
  }

  #chooseCurrent(): void {
    const [first] = this.#threads.all();
    invariant(first, "trace/tracee: no thread");
    this.#current = first.tid;
  }

  #replaceCurrent(): void {
    this.#chooseCurrent();
    if (this.#mode === "stepping") this.#mode = "stopping";
    for (const peek of this.#peeks.splice(0)) this.peek(peek);
  }

  #stopped(tid: Tid, signal: number, event: number): void {
    if (this.#loans.takes(tid, signal, event)) return;
    const thread = this.#threads.has(tid) ? this.#threads.get(tid) : this.#threads.add(tid);
    const stop = classifyStop(signal, event, thread.resumed === "step");
    thread.asked = false;
    thread.stop = stop;
    thread.reported = false;
    if (stop.kind === "clone") this.#strangers.sort(tid, this.#threads);
    const onTheWay = this.#mode === "running" || this.#mode === "stepping";
    if (stop.kind === "exec") this.#execed(thread);
    else if (stop.kind !== "signal" || !onTheWay || !this.#signals.takes(thread, stop.signal)) this.#settle(thread);
  }

  #execed(thread: Thread): void {
    for (const other of this.#threads.all()) if (other !== thread) this.#threads.remove(other.tid);
    this.#current = thread.tid;
    if (this.#mode === "detaching" || this.#observer.mayKeepAfterExec()) this.#settle(thread);
    else this.detach();
  }

  /** What a fresh stop leads to. */
  #settle(thread: Thread): void {
    if (thread.tid === this.#current) for (const peek of this.#peeks.splice(0)) peek.act(thread.tid)();
    switch (this.#mode) {
      case "running":
      case "stepping":
        if (isReportable(thread.stop!)) {
          this.#report(thread);
          this.#mode = "stopping";
          this.#threads.interruptRunning();
          this.#checkStopped();
        } else if (this.#loans.any) this.#checkLoans();
        else if (this.#mode === "running") this.#threads.resume(thread, "run", 0);
        else if (thread.tid === this.#current) this.#threads.resume(thread, "step", 0);
        return;
      case "detaching":
        this.#threads.letGo(thread);
        this.#checkDetached();
        return;
      default:
        this.#checkStopped();
    }
  }

  #report(thread: Thread): void {
    this.#current = thread.tid;
    thread.reported = true;
  }

  #pendingReport(): Thread | undefined {
    return this.#threads.all().find((thread) => thread.stop?.kind === "signal" && !thread.reported);
  }

  #checkStopped(): void {
    if (this.#mode !== "stopping" || this.#threads.all().some((thread) => !thread.stop)) return;
    if (this.#mayHaveGrown && this.#threads.seizeNew()) {
      this.#threads.interruptRunning();
      return;
    }
    this.#mayHaveGrown = false;
    const current = this.#threads.get(this.#current);
    if (!current.reported) this.#report(isReportable(current.stop!) ? current : (this.#pendingReport() ?? current));
    this.#mode = "stopped";
    if (this.#loans.any) this.#checkLoans();
    else this.#observer.stopped();
  }

  /** Lends a thread to who waits for one, when all are stopped. */
  #checkLoans(): void {
    if (!this.#loans.any || this.#loans.lent || this.#isLeaving() || this.#mode === "stopping") return;
    if (this.#threads.all().some((thread) => !thread.stop)) return;
    if (this.#mode === "running" && this.#threads.seizeNew()) this.#threads.interruptRunning();
    else this.#loans.begin(this.#threads.all(), this.#current, () => this.#goOn());
  }

  /** After a loan: what was held for it goes on. */
  #goOn(): void {
    if (this.#mode === "detaching") this.detach();
    else if (this.#loans.any) this.#checkLoans();
    else if (this.#mode === "stopped") {
      for (const peek of this.#peeks.splice(0)) peek.act(this.#current)();
      this.#observer.stopped();
    } else {
      const held = this.#mode === "stepping" ? [this.#threads.get(this.#current)] : this.#threads.all();
      for (const thread of held) if (thread.stop) this.#settle(thread);
    }
  }

  #checkDetached(): void {
    if (this.#mode !== "detaching" || this.#threads.size > 0) return;
    this.#end(this.#reason("EBUSY", "was let go"));
    this.#observer.detached();
  }

  #end(reason: Errno): void {
    this.#mode = "gone";
    for (const peek of this.#peeks.splice(0)) peek.fail(reason);
    this.#loans.refuse(reason);
  }
}
