import { SIGCONT } from "../abi/signal.ts";
import type { WaitStatus } from "../abi/wait.ts";
import { invariant } from "../base/assert.ts";
import type { Pid, Tid } from "../base/brand.ts";
import { Errno, isErrno } from "../base/errno.ts";
import type { PtracePort, Resume } from "./ptrace-port.ts";
import { classifyStop, isReportable, type Stop } from "./stop.ts";

interface Thread {
  readonly tid: Tid;
  /** Undefined while it runs. */
  stop: Stop | undefined;
  /** The stop has been shown to the controller: `run` drops its signal. */
  reported: boolean;
  /** An interrupt is on its way. */
  asked: boolean;
  /** How it was resumed last. */
  resumed: Resume;
}

/**
 * - `running`: every thread runs.
 * - `stepping`: the current thread does one instruction, the others are held.
 * - `stopping`: on the way to `stopped`, which holds when no thread runs.
 * - `detaching`: each thread is let go as soon as it stops.
 * - `gone`: no thread is left, or all were let go.
 */
export type Mode = "running" | "stepping" | "stopping" | "stopped" | "detaching" | "gone";

/** Told by the rules; may call back into {@link Tracee}. */
export interface TraceeObserver {
  /** All threads are stopped and there is something to report. */
  stopped(): void;
  /** A new image is about to run its first instruction; `false` lets the process go before it does. */
  mayKeepAfterExec(): boolean;
  /** The last thread has exited. */
  exited(): void;
  /** Every thread was let go. */
  detached(): void;
  /** A thread is traced from now on, or no longer: whose wait statuses matter. */
  traces(tid: Tid): void;
  untraces(tid: Tid): void;
}

/**
 * The rules of tracing one process: what its threads' wait statuses mean and which ptrace request comes next. All-stop:
 * when one thread reports, the others are interrupted. Owned by the thread that owns ptrace; never blocks.
 */
export class Tracee {
  readonly #pid: Pid;
  readonly #ptrace: PtracePort;
  readonly #observer: TraceeObserver;
  readonly #threads = new Map<Tid, Thread>();
  readonly #peeks: ((tid: Tid) => void)[] = [];
  /** Processes made by clone(2) that the kernel attached like threads: let go at their first stop. */
  readonly #strangers = new Set<Tid>();
  #mode: Mode = "stopping";
  #current: Tid;
  /** A signal sent by us, to be passed on unseen when it is about to be delivered. */
  #passOn = 0;
  /** A SIGCONT sent by us to end a job-control stop, to be dropped. */
  #dropCont = false;

  constructor(pid: Pid, ptrace: PtracePort, observer: TraceeObserver) {
    this.#pid = pid;
    this.#ptrace = ptrace;
    this.#observer = observer;
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
      this.#seizeNewThreads();
      if (this.#threads.size === 0) throw new Errno("ESRCH", `process ${this.#pid} has exited`);
    } catch (error) {
      this.detach();
      throw error;
    }
    if (!this.#threads.has(this.#current)) this.#current = this.#anyThread();
    this.#interruptAll();
  }

  run(): void {
    invariant(this.#mode === "stopped", "trace/tracee run: not stopped");
    const pending = this.#pendingReport();
    if (pending) {
      this.#report(pending);
      this.#observer.stopped();
      return;
    }
    this.#endJobStop();
    this.#mode = "running";
    for (const thread of [...this.#threads.values()]) this.#resume(thread, "run", 0);
  }

  step(): void {
    invariant(this.#mode === "stopped", "trace/tracee step: not stopped");
    this.#endJobStop();
    this.#mode = "stepping";
    this.#resume(this.#thread(this.#current), "step", 0);
  }

  /** Continues, the current thread delivering `signal`. */
  deliver(signal: number): void {
    invariant(this.#mode === "stopped", "trace/tracee deliver: not stopped");
    const current = this.#thread(this.#current);
    this.#endJobStop();
    this.#mode = "running";
    const direct = current.stop?.kind === "signal" || current.stop?.kind === "step";
    if (!direct) {
      // Only a thread that is about to deliver a signal can be given another one; else it is sent, and passed on when it
      // comes by.
      this.#passOn = signal;
      this.#attempt(() => this.#ptrace.kill(signal));
    }
    for (const thread of [...this.#threads.values()]) {
      this.#resume(thread, "run", direct && thread === current ? signal : 0);
    }
  }

  /** Lets the process go as soon as its threads stop; signals nobody was shown are delivered after all. */
  detach(): void {
    if (this.#mode === "gone") return;
    this.#mode = "detaching";
    for (const thread of [...this.#threads.values()]) {
      if (thread.stop) this.#letGo(thread);
      else this.#interrupt(thread);
    }
    this.#checkDetached();
  }

  /** Calls `act` with a stopped thread, interrupting the current one for the moment if it runs. */
  peek(act: (tid: Tid) => void): void {
    const current = this.#thread(this.#current);
    if (current.stop) act(current.tid);
    else {
      this.#peeks.push(act);
      this.#interrupt(current);
    }
  }

  /**
   * Moves a thread out of a trap whose death-of-tracer outcome would be the target's death: a SIGTRAP in flight and the
   * trap flag, which the kernel leaves in place when the tracer is killed. No instruction is executed.
   */
  makeCrashSafe(): void {
    const current = this.#threads.get(this.#current);
    if (this.#mode !== "stopped" || current?.stop?.kind !== "step") return;
    this.#mode = "stopping";
    this.#attempt(() => this.#ptrace.interrupt(current.tid));
    this.#resume(current, "run", 0);
    current.asked = true;
  }

  /** A wait status of one of the threads, or of a thread not seen before that the kernel traces on our behalf. */
  handle(tid: Tid, status: WaitStatus): void {
    if (this.#strangers.has(tid)) return this.#dismiss(tid, status);
    if (status.kind === "exited" || status.kind === "signaled") return this.vanished(tid);
    if (status.kind !== "stopped") return;
    const thread = this.#threads.get(tid) ?? this.#add(tid);
    const stop = classifyStop(status.signal, status.event, thread.resumed === "step");
    thread.asked = false;
    thread.stop = stop;
    thread.reported = false;
    if (stop.kind === "exec") this.#execed(thread);
    else if (stop.kind === "clone") this.#cloned(thread);
    else if (stop.kind === "signal" && this.#isOwnSignal(thread, stop.signal)) return;
    else this.#settle(thread);
  }

  /** The thread is no longer there. */
  vanished(tid: Tid): void {
    if (this.#strangers.delete(tid)) this.#observer.untraces(tid);
    if (!this.#threads.delete(tid)) return;
    this.#observer.untraces(tid);
    if (this.#mode === "detaching") return this.#checkDetached();
    if (this.#threads.size === 0) {
      this.#mode = "gone";
      this.#observer.exited();
      return;
    }
    if (tid !== this.#current) return this.#checkStopped();
    this.#current = this.#anyThread();
    if (this.#mode === "stepping") this.#mode = "stopping";
    if (this.#peeks.length > 0) this.#interrupt(this.#thread(this.#current));
    this.#checkStopped();
  }

  #thread(tid: Tid): Thread {
    const thread = this.#threads.get(tid);
    invariant(thread, "trace/tracee: unknown thread");
    return thread;
  }

  #anyThread(): Tid {
    const [tid] = this.#threads.keys();
    invariant(tid !== undefined, "trace/tracee: no thread");
    return tid;
  }

  #add(tid: Tid): Thread {
    const thread: Thread = { tid, stop: undefined, reported: false, asked: false, resumed: "run" };
    this.#threads.set(tid, thread);
    this.#observer.traces(tid);
    return thread;
  }

  /** Threads may be born while they are listed: until a listing shows nothing new. A zombie cannot be taken. */
  #seizeNewThreads(): boolean {
    let found = false;
    const refused = new Set<Tid>();
    for (let again = true; again; ) {
      again = false;
      for (const tid of this.#ptrace.threads()) {
        if (this.#threads.has(tid) || refused.has(tid)) continue;
        try {
          this.#ptrace.seize(tid);
          this.#add(tid);
          again = found = true;
        } catch (error) {
          if (!isErrno(error, "ESRCH")) throw error;
          refused.add(tid);
        }
      }
    }
    return found;
  }

  #interruptAll(): void {
    for (const thread of [...this.#threads.values()]) if (!thread.stop) this.#interrupt(thread);
  }

  #interrupt(thread: Thread): void {
    if (thread.asked) return;
    thread.asked = true;
    this.#attempt(() => this.#ptrace.interrupt(thread.tid));
  }

  #resume(thread: Thread, how: Resume, signal: number): void {
    if (!thread.stop) return;
    thread.stop = undefined;
    thread.reported = false;
    thread.resumed = how;
    this.#attempt(() => this.#ptrace.resume(thread.tid, how, signal));
  }

  /** ESRCH here means killed meanwhile; the exit is reported on its own. */
  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
    }
  }

  #execed(thread: Thread): void {
    for (const other of [...this.#threads.keys()]) {
      if (other === thread.tid) continue;
      this.#threads.delete(other);
      this.#observer.untraces(other);
    }
    this.#current = thread.tid;
    if (this.#mode === "detaching") return this.#settle(thread);
    if (this.#observer.mayKeepAfterExec()) this.#settle(thread);
    else this.detach();
  }

  #cloned(thread: Thread): void {
    let born: Tid | undefined;
    this.#attempt(() => {
      born = this.#ptrace.eventMessage(thread.tid) as Tid;
    });
    if (born !== undefined && !this.#threads.has(born)) {
      if (this.#ptrace.threads().includes(born)) this.#add(born).asked = true;
      else {
        this.#strangers.add(born);
        this.#observer.traces(born);
      }
    }
    this.#settle(thread);
  }

  #dismiss(tid: Tid, status: WaitStatus): void {
    if (status.kind === "stopped") this.#attempt(() => this.#ptrace.detach(tid, 0));
    this.#strangers.delete(tid);
    this.#observer.untraces(tid);
  }

  /** Signals we sent ourselves do not stop anything. */
  #isOwnSignal(thread: Thread, signal: number): boolean {
    if (this.#mode !== "running" && this.#mode !== "stepping") return false;
    if (signal === SIGCONT && this.#dropCont) {
      this.#dropCont = false;
      this.#resume(thread, thread.resumed, 0);
      return true;
    }
    if (signal === this.#passOn) {
      this.#passOn = 0;
      this.#resume(thread, thread.resumed, signal);
      return true;
    }
    return false;
  }

  /** What a fresh stop leads to. */
  #settle(thread: Thread): void {
    const stop = thread.stop;
    invariant(stop, "trace/tracee settle: not stopped");
    this.#servePeeks(thread);
    switch (this.#mode) {
      case "running":
      case "stepping":
        if (isReportable(stop)) {
          this.#report(thread);
          this.#mode = "stopping";
          this.#interruptAll();
          this.#checkStopped();
        } else if (this.#mode === "running" || thread.tid === this.#current) {
          this.#resume(thread, this.#mode === "stepping" ? "step" : "run", 0);
        }
        return;
      case "detaching":
        this.#letGo(thread);
        this.#checkDetached();
        return;
      default:
        this.#checkStopped();
    }
  }

  #servePeeks(thread: Thread): void {
    if (thread.tid !== this.#current) return;
    for (const act of this.#peeks.splice(0)) act(thread.tid);
  }

  #report(thread: Thread): void {
    this.#current = thread.tid;
    thread.reported = true;
  }

  #pendingReport(): Thread | undefined {
    for (const thread of this.#threads.values()) {
      if (thread.stop && !thread.reported && thread.stop.kind === "signal") return thread;
    }
    return undefined;
  }

  #checkStopped(): void {
    if (this.#mode !== "stopping") return;
    for (const thread of this.#threads.values()) if (!thread.stop) return;
    if (this.#seizeNewThreads()) return this.#interruptAll();
    const current = this.#thread(this.#current);
    if (!current.reported) {
      const pending = isReportable(current.stop!) ? current : (this.#pendingReport() ?? current);
      this.#report(pending);
    }
    this.#mode = "stopped";
    this.#observer.stopped();
  }

  #endJobStop(): void {
    if (![...this.#threads.values()].some((thread) => thread.stop?.kind === "group")) return;
    this.#dropCont = true;
    this.#attempt(() => this.#ptrace.kill(SIGCONT));
  }

  #letGo(thread: Thread): void {
    const signal = thread.stop?.kind === "signal" && !thread.reported ? thread.stop.signal : 0;
    this.#attempt(() => this.#ptrace.detach(thread.tid, signal));
    this.#threads.delete(thread.tid);
    this.#observer.untraces(thread.tid);
  }

  #checkDetached(): void {
    if (this.#mode !== "detaching" || this.#threads.size > 0) return;
    this.#mode = "gone";
    this.#observer.detached();
  }
}
