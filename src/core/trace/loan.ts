import type { Tid } from "../base/brand.ts";
import type { Errno } from "../base/errno.ts";
import type { Stop } from "./stop.ts";
import type { Thread } from "./thread-set.ts";

/** A stopped thread, lent. */
export interface Lent {
  readonly tid: Tid;
  readonly stop: Stop;
  /** The controller was shown the stop, so it has to be there again afterwards. */
  readonly shown: boolean;
}

/**
 * One who has a thread to himself for a while, all others being held: he may resume it and is told of its stops. `begin`
 * is called when all threads have stopped. After `fail` nothing else is called; the thread or the control is gone.
 */
export interface Borrower {
  /** `back` is called once, with the thread stopped as the lender found it, or in the trap that `stop` says. */
  begin(thread: Lent, back: (stop: Stop) => void): void;
  stopped(signal: number, event: number): void;
  fail(error: Errno): void;
}

/** How well a thread serves: one in a plain trap is left there as it was found; a signal about to be delivered comes last. */
function rank({ stop }: Thread): number {
  if (stop?.kind === "trap" || stop?.kind === "group") return 0;
  return stop?.kind === "signal" ? 2 : 1;
}

/** The queue of those who want a thread, and who has one. */
export class Loans {
  readonly #queue: Borrower[] = [];
  #borrower: Borrower | undefined;
  #thread: Thread | undefined;

  /** Somebody waits for all threads to stop, or has one. */
  get any(): boolean {
    return this.#borrower !== undefined || this.#queue.length > 0;
  }

  get lent(): boolean {
    return this.#borrower !== undefined;
  }

  add(borrower: Borrower): void {
    this.#queue.push(borrower);
  }

  /** False when he already has his thread. */
  withdraw(borrower: Borrower): boolean {
    const at = this.#queue.indexOf(borrower);
    if (at >= 0) this.#queue.splice(at, 1);
    return at >= 0;
  }

  /** Lends one of `threads`, all of them stopped, to the next in the queue; of equals the preferred one. */
  begin(threads: readonly Thread[], preferred: Tid, back: () => void): void {
    const [first] = [...threads].sort(
      (a, b) => rank(a) - rank(b) || Number(b.tid === preferred) - Number(a.tid === preferred),
    );
    if (!first?.stop) return;
    const borrower = this.#queue.shift();
    if (!borrower) return;
    this.#borrower = borrower;
    this.#thread = first;
    borrower.begin({ tid: first.tid, stop: first.stop, shown: first.reported }, (stop) => {
      if (this.#borrower !== borrower) return;
      first.stop = stop;
      this.#borrower = this.#thread = undefined;
      back();
    });
  }

  /** Whether the stop of this thread is the borrower's. */
  takes(tid: Tid, signal: number, event: number): boolean {
    if (this.#thread?.tid !== tid) return false;
    this.#borrower?.stopped(signal, event);
    return true;
  }

  /** The thread is no more. False when it was not lent. */
  lost(tid: Tid, reason: Errno): boolean {
    if (this.#thread?.tid !== tid) return false;
    const borrower = this.#borrower;
    this.#borrower = this.#thread = undefined;
    borrower?.fail(reason);
    return true;
  }

  /** Nobody gets a thread any more. */
  refuse(reason: Errno): void {
    for (const borrower of this.#queue.splice(0)) borrower.fail(reason);
  }
}
