import type { LetGo } from "./let-go.ts";
import type { Targets } from "./ports.ts";
import type { AccountedProcess } from "./process.ts";
import type { Space } from "./space.ts";

interface Underway {
  readonly call: LetGo;
  /** Of the calling process's space, in which the call adds pages; undefined where it is another's that it changes. */
  readonly space: Space | undefined;
  readonly pages: number;
  /** Takes back what was granted. */
  readonly undo: () => void;
}

/** By thread, what was granted last: a look at the map that comes too early must not take it back. */
export class CallsUnderway {
  readonly #targets: Targets;
  readonly #calls = new Map<number, Underway>();

  constructor(targets: Targets) {
    this.#targets = targets;
  }

  /** A call that changes the map of its own space, which it may add `pages` to. */
  mapping(call: LetGo, pages: number, undo: () => void): void {
    this.#calls.set(call.tid, { call, space: call.process.space, pages, undo });
  }

  /** One that makes something else; without `undo` that is found not to have come. */
  making(call: LetGo, undo: () => void = () => {}): void {
    this.#calls.set(call.tid, { call, space: undefined, pages: 0, undo });
  }

  /** The thread makes another call: the last one is over. */
  over(tid: number): void {
    this.#calls.get(tid)?.call.returned();
    this.#calls.delete(tid);
  }

  /** The kernel did not carry the last call of `tid` out. */
  cancel(tid: number): void {
    const granted = this.#calls.get(tid);
    this.over(tid);
    granted?.undo();
  }

  /** The calls of spaces that are `concerned` and may not have happened: how many, and the pages granted to them. */
  of(concerned: (space: Space) => boolean): { readonly calls: number; readonly pages: number } {
    let calls = 0;
    let pages = 0;
    for (const [tid, each] of this.#calls) {
      if (!each.space || !concerned(each.space)) continue;
      if (each.call.isOver(this.#targets)) this.#calls.delete(tid);
      else {
        calls++;
        pages += each.pages;
      }
    }
    return { calls, pages };
  }

  forget(process: AccountedProcess): void {
    for (const [tid, { call }] of this.#calls) if (call.process === process) this.#calls.delete(tid);
  }
}
