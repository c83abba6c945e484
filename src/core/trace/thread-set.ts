import { invariant } from "../base/assert.ts";
import type { Tid } from "../base/brand.ts";
import { isErrno } from "../base/errno.ts";
import type { Hit } from "./break-table.ts";
import type { PtracePort, Resume } from "./ptrace-port.ts";
import type { Stop } from "./stop.ts";

/** A traced thread. Fields are changed by {@link ThreadSet} and, on a wait status, by the tracee. */
export interface Thread {
  readonly tid: Tid;
  /** Undefined while it runs. */
  stop: Stop | undefined;
  /** The stop has been shown to the controller: `run` drops its signal. */
  reported: boolean;
  /** An interrupt is on its way. */
  asked: boolean;
  /** How it was resumed last. */
  resumed: Resume;
  /** An interrupt came before the end of its step. */
  overtaken: boolean;
  /** It stands on a breakpoint, as far as is known. */
  hit: Hit | undefined;
  /** Which watchpoints it has; 0: it has never had any. */
  watches: number;
  /** The system call that it is in, as far as its entry was seen. */
  call: { readonly number: number; readonly args: readonly bigint[] } | undefined;
  /** A signal to be delivered when all go on. */
  inject: number;
}

/** Told whose wait statuses matter. */
export interface ThreadObserver {
  traces(tid: Tid): void;
  untraces(tid: Tid): void;
}

/** Told of a stopped thread that is about to go on, or to be let go. */
export interface Preparation {
  prepare(thread: Thread): void;
  release(thread: Thread): void;
}

/** Calls ptrace; ESRCH means that the thread was killed meanwhile, which will be reported on its own. */
export function attempt(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isErrno(error, "ESRCH")) throw error;
  }
}

/** The traced threads of one process, and the ptrace requests that change one thread. */
export class ThreadSet {
  readonly #ptrace: PtracePort;
  readonly #observer: ThreadObserver;
  readonly #preparation: Preparation;
  readonly #threads = new Map<Tid, Thread>();
  /** System calls, by number, at which a thread that runs is to stop; undefined: none. */
  calls: ReadonlySet<number> | "all" | undefined;
  /** Signals that are delivered without anybody being told. */
  readonly ignored: Set<number> = new Set();

  constructor(ptrace: PtracePort, observer: ThreadObserver, preparation: Preparation) {
    this.#ptrace = ptrace;
    this.#observer = observer;
    this.#preparation = preparation;
  }

  get size(): number {
    return this.#threads.size;
  }

  has(tid: Tid): boolean {
    return this.#threads.has(tid);
  }

  get(tid: Tid): Thread {
    const thread = this.#threads.get(tid);
    invariant(thread, "trace/thread-set get: unknown thread");
    return thread;
  }

  /** A snapshot: members may come and go while it is walked. */
  all(): readonly Thread[] {
    return [...this.#threads.values()];
  }

  add(tid: Tid): Thread {
    const thread: Thread = {
      tid,
      stop: undefined,
      reported: false,
      asked: false,
      resumed: "run",
      overtaken: false,
      hit: undefined,
      watches: 0,
      call: undefined,
      inject: 0,
    };
    this.#threads.set(tid, thread);
    this.#observer.traces(tid);
    return thread;
  }

  /** False when it was none of ours. */
  remove(tid: Tid): boolean {
    if (!this.#threads.delete(tid)) return false;
    this.#observer.untraces(tid);
    return true;
  }

  /** Seizes every thread not seen yet; they may be born while they are listed. True when there were any. EPERM. */
  seizeNew(): boolean {
    let found = false;
    const refused = new Set<Tid>();
    for (let again = true; again; ) {
      again = false;
      for (const tid of this.#ptrace.threads()) {
        if (this.#threads.has(tid) || refused.has(tid)) continue;
        try {
          const fresh = this.#ptrace.seize(tid);
          this.add(tid).asked = !fresh;
          again = found = true;
        } catch (error) {
          if (!isErrno(error, "ESRCH")) throw error;
          refused.add(tid);
        }
      }
    }
    return found;
  }

  /**
   * Those the kernel took along when they were made. Their maker may have been killed before it could tell: as long as
   * nobody collects such a thread, the whole process cannot be reaped.
   */
  claim(tids: readonly Tid[]): void {
    for (const tid of tids) if (!this.#threads.has(tid)) this.add(tid).asked = true;
  }

  interrupt(thread: Thread): void {
    if (thread.asked) return;
    thread.asked = true;
    attempt(() => this.#ptrace.interrupt(thread.tid));
  }

  interruptRunning(): void {
    for (const thread of this.all()) if (!thread.stop) this.interrupt(thread);
  }

  /** Does nothing to a thread that runs. */
  resume(thread: Thread, how: Resume, signal: number): void {
    if (!thread.stop) return;
    this.#preparation.prepare(thread);
    const given = signal || (this.isIgnored(thread) && thread.stop.kind === "signal" ? thread.stop.signal : 0);
    // The instruction first: a handler would come back to the breakpoint, which would be hit twice.
    const isLater = given !== 0 && (how === "off" || how === "call");
    if (isLater && thread.inject !== 0) attempt(() => this.#ptrace.kill(given));
    else if (isLater) thread.inject = given;
    thread.stop = undefined;
    thread.reported = false;
    thread.resumed = how;
    thread.overtaken = false;
    // Stops at all system calls; those that are not wanted nobody is told of.
    const request = how === "run" && this.calls ? "call" : how;
    attempt(() => this.#ptrace.resume(thread.tid, request, isLater ? 0 : given));
  }

  /** A fresh stop as it is, or that of a system call that is traced. */
  classifyCall(thread: Thread, stop: Stop): Stop {
    if (stop.kind !== "call" || !this.calls) return stop;
    const at = this.#ptrace.callStop(thread.tid);
    if (at?.at === "enter") thread.call = at;
    const { call } = thread;
    if (!at || !call || (this.calls !== "all" && !this.calls.has(call.number))) return stop;
    const { number, args } = call;
    return at.at === "enter" ? { kind: "syscall", number, args } : { kind: "syscall", number, args, result: at.result };
  }

  /** It has stopped for a signal that is not to be told. */
  isIgnored({ stop, reported }: Thread): boolean {
    return stop?.kind === "signal" && !reported && this.ignored.has(stop.signal);
  }

  /**
   * A step that an interrupt overtook has left its SIGTRAP behind: the thread goes on to that one, without an instruction. False
   * where there is none.
   */
  takeStep(thread: Thread): boolean {
    return (thread.resumed === "step" || thread.resumed === "off") && this.takeTrap(thread);
  }

  /** The same of any SIGTRAP that an instruction of this thread has raised, and that an interrupt has overtaken. */
  takeTrap(thread: Thread): boolean {
    if (thread.stop?.kind !== "trap") return false;
    let isPending = false;
    attempt(() => {
      isPending = this.#ptrace.hasPendingTrap(thread.tid);
    });
    if (!isPending) return false;
    thread.stop = undefined;
    thread.overtaken = true;
    attempt(() => this.#ptrace.resume(thread.tid, "run", 0));
    return true;
  }

  /** Detaches a stopped thread; a signal that nobody was shown is delivered after all. One with a step behind it as soon as that is over. */
  letGo(thread: Thread): void {
    if (this.takeStep(thread)) return;
    this.#preparation.release(thread);
    const signal = thread.stop?.kind === "signal" && !thread.reported ? thread.stop.signal : 0;
    try {
      this.#ptrace.detach(thread.tid, signal);
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
      // Killed in this moment: it stays ours until its exit has been collected, or its parent would never learn of it.
      thread.stop = undefined;
      return;
    }
    this.remove(thread.tid);
  }
}
