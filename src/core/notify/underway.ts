import type { TrappedCall } from "./notification.ts";
import type { Progress, Targets } from "./ports.ts";
import type { AccountedProcess } from "./process.ts";
import type { Space } from "./space.ts";

/** A call that was let go on and may not have happened yet. */
interface Underway {
  readonly process: AccountedProcess;
  /** Of the calling process's space, in which the call adds them. */
  readonly space: Space;
  readonly pages: number;
  readonly number: number;
  /** Takes back what was granted. */
  readonly undo: () => void;
  /** Where it was when it was first seen running on. */
  first: Progress | undefined;
}

/**
 * Processor time after which a call that was let go has begun and shows in the map, which its lock keeps from us until then. A
 * machine that is itself made to wait counts that as time the thread has had.
 */
const BEGUN_NS = 20_000_000;

/** By thread, what was granted last: a look at the map that comes too early must not take it back. */
export class CallsUnderway {
  readonly #targets: Targets;
  readonly #calls = new Map<number, Underway>();

  constructor(targets: Targets) {
    this.#targets = targets;
  }

  granted({ tid, number }: TrappedCall, process: AccountedProcess, pages: number, undo: () => void): void {
    this.#calls.set(tid, { process, space: process.space, pages, number, undo, first: undefined });
  }

  /** The thread makes another call, or is gone: the last one is over. */
  over(tid: number): void {
    this.#calls.delete(tid);
  }

  /** The kernel did not carry the last call of `tid` out. */
  cancel(tid: number): void {
    const call = this.#calls.get(tid);
    this.#calls.delete(tid);
    call?.undo();
  }

  /** The calls of spaces that are `concerned` and may not have happened: how many, and the pages granted to them. */
  of(concerned: (space: Space) => boolean): { readonly calls: number; readonly pages: number } {
    let calls = 0;
    let pages = 0;
    for (const [tid, call] of this.#calls) {
      if (!concerned(call.space)) continue;
      if (this.#isOver(tid, call)) this.#calls.delete(tid);
      else {
        calls++;
        pages += call.pages;
      }
    }
    return { calls, pages };
  }

  forget(process: AccountedProcess): void {
    for (const [tid, call] of this.#calls) if (call.process === process) this.#calls.delete(tid);
  }

  #isOver(tid: number, call: Underway): boolean {
    const progress = this.#targets.progress(call.process.pid, tid);
    if (!progress) return true;
    if (!progress.running) return progress.call !== call.number;
    call.first ??= progress;
    // None of these calls faults before it has changed the map.
    return progress.faults !== call.first.faults || progress.cpuTime - call.first.cpuTime >= BEGUN_NS;
  }
}
