import type { Tid } from "../base/brand.ts";
import type { Errno } from "../base/errno.ts";
import type { Peek } from "./observer.ts";
import type { Thread, ThreadSet } from "./thread-set.ts";

interface Waiting {
  readonly peek: Peek;
  readonly tid: Tid;
  /** Whoever asks means the current thread, and not this one in particular. */
  readonly isCurrent: boolean;
}

/** Looks at threads that have not stopped yet. */
export class Peeks {
  readonly #threads: ThreadSet;
  #waiting: Waiting[] = [];

  constructor(threads: ThreadSet) {
    this.#threads = threads;
  }

  /** Looks when the thread has stopped; a stopped one that is `busy` is somebody else's for the moment. */
  ask(peek: Peek, thread: Thread, isCurrent: boolean, busy: boolean): void {
    if (thread.stop && !busy) {
      peek.act(thread.tid)();
      return;
    }
    this.#waiting.push({ peek, tid: thread.tid, isCurrent });
    if (!thread.stop) this.#threads.interrupt(thread);
  }

  /** The thread is stopped now. */
  act(tid: Tid): void {
    for (const { peek } of this.#take((waiting) => waiting.tid === tid)) peek.act(tid)();
  }

  /** The same of every thread that is. */
  actAll(): void {
    for (const { peek, tid } of this.#take(({ tid }) => this.#threads.get(tid).stop !== undefined)) peek.act(tid)();
  }

  /** The thread is gone: those that meant it fail; the others are to be asked again of another one. */
  lost(tid: Tid, reason: Errno): readonly Peek[] {
    const taken = this.#take((waiting) => waiting.tid === tid);
    for (const { peek, isCurrent } of taken) if (!isCurrent) peek.fail(reason);
    return taken.filter(({ isCurrent }) => isCurrent).map(({ peek }) => peek);
  }

  fail(reason: Errno): void {
    for (const { peek } of this.#take(() => true)) peek.fail(reason);
  }

  #take(wanted: (waiting: Waiting) => boolean): readonly Waiting[] {
    if (this.#waiting.length === 0) return [];
    const taken = this.#waiting.filter(wanted);
    if (taken.length > 0) this.#waiting = this.#waiting.filter((waiting) => !wanted(waiting));
    return taken;
  }
}
