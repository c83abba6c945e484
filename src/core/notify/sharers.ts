import type { AccountedProcess } from "./process.ts";

/** Processes that were let go to give their memory to another, which nobody has met yet: it may outlive them. */
export class Sharers {
  /** By thread: who waits until the other has gone or is another program. */
  readonly #waiting = new Map<number, AccountedProcess>();
  readonly #others = new Set<AccountedProcess>();

  /** Who does not wait: the other may come at any time. */
  get givers(): Iterable<AccountedProcess> {
    return this.#others;
  }

  granted(process: AccountedProcess, tid: number, waits: boolean): void {
    if (waits) this.#waiting.set(tid, process);
    else this.#others.add(process);
  }

  /** A thread makes another call: whom it waited for is gone. */
  over(tid: number): void {
    this.#waiting.delete(tid);
  }

  /** A child of `parent` has come. */
  met(parent: AccountedProcess): void {
    for (const [tid, process] of this.#waiting) {
      if (process !== parent) continue;
      this.#waiting.delete(tid);
      return;
    }
  }

  /** Whether somebody may have the memory of `process`; asked when it goes. */
  takeOut(process: AccountedProcess): boolean {
    let found = this.#others.delete(process);
    for (const [tid, each] of this.#waiting) if (each === process) found = this.#waiting.delete(tid);
    return found;
  }
}
