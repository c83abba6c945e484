import { SIGCONT } from "../abi/signal.ts";
import type { WaitStatus } from "../abi/wait.ts";
import { invariant } from "../base/assert.ts";
import type { Pid, Tid } from "../base/brand.ts";
import { Errno, isErrno } from "../base/errno.ts";
import type { Mode, Peek, TraceeObserver } from "./observer.ts";
import type { PtracePort } from "./ptrace-port.ts";
import { classifyStop, isReportable } from "./stop.ts";
import { attempt, type Thread, ThreadSet } from "./thread-set.ts";

/**
 * The rules of tracing one process: what its threads' wait statuses mean and which ptrace request comes next. All-stop:
 * when one thread reports, the others are interrupted. Owned by the thread that owns ptrace; never blocks.
 */
export class Tracee {
  readonly #pid: Pid;
  readonly #ptrace: PtracePort;
  readonly #observer: TraceeObserver;
  readonly #threads: ThreadSet;
  readonly #peeks: Peek[] = [];
  /** Processes made by clone(2) that the kernel attached like threads: let go at their first stop. */
  readonly #strangers = new Set<Tid>();
  #mode: Mode = "stopping";
  #current: Tid;
  /** Threads may have been born unseen since the last full stop: not while all others are held for a step. */
  #mayHaveGrown = true;
  /** A signal sent by us, to be passed on unseen when it is about to be delivered. */
  #passOn = 0;
  /** A SIGCONT sent by us to end a job-control stop, to be dropped. */
  #dropCont = false;

  constructor(pid: Pid, ptrace: PtracePort, observer: TraceeObserver) {
    this.#pid = pid;
    this.#ptrace = ptrace;
    this.#observer = observer;
    this.#threads = new ThreadSet(ptrace, observer);
    this.#current = pid as number as Tid;
  }

  get mode(): Mode {
    return this.#mode;
  }

  /** The thread that reported the stop; registers and single steps are its. */
  get current(): Tid {
    return this.#current;
  }

  /** Takes every thread and begins to stop them. EPERM, ESRCH; nothing is left traced when it fails. */
  attach(): void {
    try {
      if (!this.#threads.seizeNew()) throw new Errno("ESRCH", `process ${this.#pid} has exited`);
    } catch (error) {
      this.detach();
      throw error;
    }
    if (!this.#threads.has(this.#current)) this.#chooseCurrent();
    this.#threads.interruptRunning();
  }

  /** Lets every thread run on; an unreported signal of another thread is reported instead. */
  run(): void {
    invariant(this.#mode === "stopped", "trace/tracee run: not stopped");
    const pending = this.#pendingReport();
    if (pending) {
      this.#report(pending);
      this.#observer.stopped();
      return;
    }
    this.#endJobStop();
    this.#setRunning();
    for (const thread of this.#threads.all()) this.#threads.resume(thread, "run", 0);
  }

  step(): void {
    invariant(this.#mode === "stopped", "trace/tracee step: not stopped");
    this.#endJobStop();
    this.#mode = "stepping";
    this.#threads.resume(this.#threads.get(this.#current), "step", 0);
  }

  /** Continues, the current thread delivering `signal`. */
  deliver(signal: number): void {
    invariant(this.#mode === "stopped", "trace/tracee deliver: not stopped");
    const { stop } = this.#threads.get(this.#current);
    this.#endJobStop();
    this.#setRunning();
    // Only a thread that is about to deliver a signal can be given another one; else it is sent, and passed on unseen.
    const direct = stop?.kind === "signal" || stop?.kind === "step";
    if (!direct) {
      this.#passOn = signal;
      attempt(() => this.#ptrace.kill(signal));
    }
    for (const thread of this.#threads.all()) {
      this.#threads.resume(thread, "run", direct && thread.tid === this.#current ? signal : 0);
    }
  }

  /** Lets the process go as soon as its threads stop; signals nobody was shown are delivered after all. */
  detach(): void {
    if (this.#mode === "gone") return;
    this.#mode = "detaching";
    for (const thread of this.#threads.all()) {
      if (thread.stop) this.#threads.letGo(thread);
      else this.#threads.interrupt(thread);
    }
    this.#checkDetached();
  }

  /** Looks at the current thread, interrupting it for the moment if it runs. EBUSY while the process is let go. */
  peek(peek: Peek): void {
    if (this.#mode === "detaching" || this.#mode === "gone") {
      peek.fail(new Errno("EBUSY", `process ${this.#pid} is being let go`));
      return;
    }
    const current = this.#threads.get(this.#current);
    if (current.stop) peek.act(current.tid);
    else {
      this.#peeks.push(peek);
      this.#threads.interrupt(current);
    }
  }

  /**
   * Moves the current thread out of the trap after a step, where the tracer's death would be the target's: the SIGTRAP
   * would be delivered, and the kernel leaves the trap flag set. No instruction is executed.
   */
  makeCrashSafe(): void {
    if (this.#mode !== "stopped") return;
    const current = this.#threads.get(this.#current);
    if (current.stop?.kind !== "step") return;
    this.#mode = "stopping";
    this.#threads.interrupt(current);
    this.#threads.resume(current, "run", 0);
  }

  /** A wait status of one of the threads traced. */
  handle(tid: Tid, status: WaitStatus): void {
    if (this.#strangers.has(tid)) this.#dismiss(tid, status);
    else if (status.kind === "exited" || status.kind === "signaled") this.vanished(tid);
    else if (status.kind === "stopped") this.#stopped(tid, status.signal, status.event);
  }

  /** The thread is no longer there. */
  vanished(tid: Tid): void {
    if (this.#strangers.delete(tid)) this.#observer.untraces(tid);
    if (!this.#threads.remove(tid)) return;
    if (this.#mode === "detaching") this.#checkDetached();
    else if (this.#threads.size === 0) {
      this.#end(new Errno("ESRCH", `process ${this.#pid} has exited`));
      this.#observer.exited();
    } else {
      if (tid === this.#current) this.#replaceCurrent();
      this.#checkStopped();
    }
  }

  #setRunning(): void {
    this.#mode = "running";
    this.#mayHaveGrown = true;
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
    const thread = this.#threads.has(tid) ? this.#threads.get(tid) : this.#threads.add(tid);
    const stop = classifyStop(signal, event, thread.resumed === "step");
    thread.asked = false;
    thread.stop = stop;
    thread.reported = false;
    if (stop.kind === "exec") this.#execed(thread);
    else if (stop.kind === "clone") this.#cloned(thread);
    else if (stop.kind !== "signal" || !this.#isOwnSignal(thread, stop.signal)) this.#settle(thread);
  }

  #execed(thread: Thread): void {
    for (const other of this.#threads.all()) if (other !== thread) this.#threads.remove(other.tid);
    this.#current = thread.tid;
    if (this.#mode === "detaching" || this.#observer.mayKeepAfterExec()) this.#settle(thread);
    else this.detach();
  }

  #cloned(thread: Thread): void {
    attempt(() => {
      const born = this.#ptrace.eventMessage(thread.tid) as Tid;
      if (this.#threads.has(born)) return;
      // It stops by itself.
      if (this.#ptrace.threads().includes(born)) this.#threads.add(born).asked = true;
      else {
        this.#strangers.add(born);
        this.#observer.traces(born);
      }
    });
    this.#settle(thread);
  }

  /** Killed in this very moment, it stays known until its exit comes. */
  #dismiss(tid: Tid, status: WaitStatus): void {
    if (status.kind === "continued") return;
    try {
      if (status.kind === "stopped") this.#ptrace.detach(tid, 0);
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
      return;
    }
    this.#strangers.delete(tid);
    this.#observer.untraces(tid);
  }

  /** Signals we sent ourselves do not stop anything. */
  #isOwnSignal(thread: Thread, signal: number): boolean {
    if (this.#mode !== "running" && this.#mode !== "stepping") return false;
    const dropped = signal === SIGCONT && this.#dropCont;
    if (!dropped && signal !== this.#passOn) return false;
    if (dropped) this.#dropCont = false;
    else this.#passOn = 0;
    this.#threads.resume(thread, thread.resumed, dropped ? 0 : signal);
    return true;
  }

  /** What a fresh stop leads to. */
  #settle(thread: Thread): void {
    if (thread.tid === this.#current) for (const peek of this.#peeks.splice(0)) peek.act(thread.tid);
    switch (this.#mode) {
      case "running":
      case "stepping":
        if (isReportable(thread.stop!)) {
          this.#report(thread);
          this.#mode = "stopping";
          this.#threads.interruptRunning();
          this.#checkStopped();
        } else if (this.#mode === "running") this.#threads.resume(thread, "run", 0);
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
    this.#observer.stopped();
  }

  #endJobStop(): void {
    if (!this.#threads.all().some((thread) => thread.stop?.kind === "group")) return;
    this.#dropCont = true;
    attempt(() => this.#ptrace.kill(SIGCONT));
  }

  #checkDetached(): void {
    if (this.#mode !== "detaching" || this.#threads.size > 0) return;
    this.#end(new Errno("EBUSY", `process ${this.#pid} was let go`));
    this.#observer.detached();
  }

  #end(reason: Errno): void {
    this.#mode = "gone";
    for (const peek of this.#peeks.splice(0)) peek.fail(reason);
  }
}
