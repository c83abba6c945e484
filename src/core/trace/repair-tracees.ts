import { isErrno } from "../base/errno.ts";
import { actionAt } from "./restart.ts";

/** What the rules ask of ptrace(2) and of /proc. Each method may throw ESRCH: the thread was killed, and its end will be told. */
export interface RepairPort {
  /** PTRACE_SEIZE: new threads and children are taken along, exec is reported, the tracer's end lets everything run on. EPERM. */
  seize(tid: number): void;
  /** PTRACE_CONT, delivering `signal` (0: none). */
  resume(tid: number, signal: number): void;
  listen(tid: number): void;
  interrupt(tid: number): void;
  detach(tid: number, signal: number): void;
  /** Has the kernel repeat the call that `signal` (0: our own interruption) has ended, where that would not have been without us. */
  repair(tid: number, signal: number): void;
  /** Whose thread that is. */
  processOf(tid: number): number;
  /** All threads of a process. */
  threads(pid: number): readonly number[];
  /** Whether the kernel has taken a thread along already. */
  isOurs(tid: number): boolean;
}

/** Told of every thread, before it runs on: whether its calls are repaired. */
export interface RepairObserver {
  seized(tid: number): void;
  freed(tid: number): void;
}

/** The processes that are seized for the sake of their signals: what becomes of each at a stop, and how one is let go. */
export class RepairTracees {
  readonly #port: RepairPort;
  readonly #observer: RepairObserver;
  readonly #processOf = new Map<number, number>();
  readonly #threads = new Map<number, Set<number>>();
  /** Those to be let go at their next stop, with who waits for that. */
  readonly #leaving = new Map<number, (() => void)[]>();

  constructor(port: RepairPort, observer: RepairObserver) {
    this.#port = port;
    this.#observer = observer;
  }

  /** How many processes. */
  get size(): number {
    return this.#threads.size;
  }

  has(tid: number): boolean {
    return this.#processOf.has(tid);
  }

  /** Whose thread that is, without a look where it is one of ours. */
  processOf(tid: number): number {
    return this.#processOf.get(tid) ?? this.#port.processOf(tid);
  }

  /** Takes every thread of a process. EPERM where somebody traces it, or it is not ours to trace; ESRCH. */
  seize(pid: number): void {
    for (let found = true; found; ) {
      found = false;
      for (const tid of this.#port.threads(pid)) {
        if (this.#processOf.has(tid) || !this.#take(tid)) continue;
        this.#add(tid, pid);
        found = true;
      }
    }
  }

  /** False for a thread that has exited. */
  #take(tid: number): boolean {
    try {
      this.#port.seize(tid);
      return true;
    } catch (error) {
      if (isErrno(error, "ESRCH")) return false;
      if (isErrno(error, "EPERM") && this.#port.isOurs(tid)) return true;
      throw error;
    }
  }

  /** Lets a process go: `done` when all of it is, which is at once where it is not seized. */
  release(pid: number, done: () => void): void {
    const threads = this.#threads.get(pid);
    if (!threads) {
      done();
      return;
    }
    const waiting = this.#leaving.get(pid);
    if (waiting) {
      waiting.push(done);
      return;
    }
    this.#leaving.set(pid, [done]);
    for (const tid of threads) this.#attempt(() => this.#port.interrupt(tid));
  }

  /** A thread reports a stop. */
  stopped(tid: number, signal: number, event: number): void {
    const pid = this.#processOf.get(tid) ?? this.#adopt(tid);
    const action = actionAt(signal, event);
    if (action.do === "deliver") this.#attempt(() => this.#port.repair(tid, signal));
    if (action.do === "release") {
      // Its other threads are no more, and have nothing left to tell.
      for (const other of [...(this.#threads.get(pid) ?? [])]) if (other !== tid) this.ended(other);
      this.#letGo(tid, 0);
    } else if (this.#leaving.has(pid)) {
      if (action.do !== "deliver") this.#attempt(() => this.#port.repair(tid, 0));
      this.#letGo(tid, action.do === "deliver" ? signal : 0);
    } else if (action.do === "listen") this.#attempt(() => this.#port.listen(tid));
    else this.#attempt(() => this.#port.resume(tid, action.do === "deliver" ? signal : 0));
  }

  /** A thread has exited, or an exec has taken its place. */
  ended(tid: number): void {
    const pid = this.#processOf.get(tid);
    if (pid === undefined) return;
    this.#processOf.delete(tid);
    this.#observer.freed(tid);
    const threads = this.#threads.get(pid);
    threads?.delete(tid);
    if (threads && threads.size > 0) return;
    this.#threads.delete(pid);
    const waiting = this.#leaving.get(pid) ?? [];
    this.#leaving.delete(pid);
    for (const done of waiting) done();
  }

  /** A child, or a new thread, that the kernel has taken along. */
  #adopt(tid: number): number {
    const pid = this.#port.processOf(tid);
    this.#add(tid, pid);
    return pid;
  }

  #add(tid: number, pid: number): void {
    this.#processOf.set(tid, pid);
    const threads = this.#threads.get(pid);
    if (threads) threads.add(tid);
    else this.#threads.set(pid, new Set([tid]));
    this.#observer.seized(tid);
  }

  #letGo(tid: number, signal: number): void {
    // Before it runs on: what it does next must not be taken for repaired.
    this.#observer.freed(tid);
    try {
      this.#port.detach(tid, signal);
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
      // Killed in this moment: it stays ours until its exit is collected, or its parent would never learn of it.
      return;
    }
    this.ended(tid);
  }

  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
    }
  }
}
