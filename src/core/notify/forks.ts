import type { TrappedCall } from "./notification.ts";
import type { AccountedProcess, SwapLimit } from "./process.ts";
import type { Space } from "./space.ts";

/** A child that is paid for and has not been seen yet. */
export interface PendingFork {
  readonly parent: AccountedProcess;
  /** The parent's thread that called. */
  readonly tid: number;
  readonly number: number;
  readonly layout: string;
  readonly space: Space;
  readonly limit: SwapLimit;
  /** The thread has made another call since: the fork is over. */
  returned: boolean;
}

export class PendingForks {
  readonly #pending = new Set<PendingFork>();

  get any(): boolean {
    return this.#pending.size > 0;
  }

  [Symbol.iterator](): IterableIterator<PendingFork> {
    return this.#pending.values();
  }

  add(parent: AccountedProcess, { tid, number }: TrappedCall, space: Space): void {
    const { layout, limit } = parent;
    this.#pending.add({ parent, tid, number, layout, space, limit, returned: false });
  }

  returned(tid: number): void {
    for (const fork of this.#pending) if (fork.tid === tid) fork.returned = true;
  }

  /** The fork that made a process of this layout and parent; after exec neither is the caller's business any more. */
  take(layout: string, ppid: number): PendingFork | undefined {
    let found: PendingFork | undefined;
    for (const fork of this.#pending) {
      if (fork.layout !== layout) continue;
      if (fork.parent.pid === ppid) {
        found = fork;
        break;
      }
      // Its parent may be gone, and it somebody else's child by now.
      found ??= fork;
    }
    if (found) this.#pending.delete(found);
    return found;
  }

  /** The fork that `tid` was granted last. */
  ofThread(tid: number): PendingFork | undefined {
    return [...this.#pending].findLast((fork) => fork.tid === tid && !fork.returned);
  }

  delete(fork: PendingFork): void {
    this.#pending.delete(fork);
  }
}
