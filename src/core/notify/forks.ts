import type { TrappedCall } from "./notification.ts";
import type { Image } from "./ports.ts";
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
  /** The child is its parent's parent's. */
  readonly isSibling: boolean;
  /** The thread has made another call since: the fork is over. */
  returned: boolean;
  /** Its child was looked for and not found. */
  missed: boolean;
  /** Its child may have been taken for another's, and the other way round. */
  confused: boolean;
}

export class PendingForks {
  readonly #pending = new Set<PendingFork>();

  get any(): boolean {
    return this.#pending.size > 0;
  }

  [Symbol.iterator](): IterableIterator<PendingFork> {
    return this.#pending.values();
  }

  add(parent: AccountedProcess, { tid, number }: TrappedCall, isSibling: boolean, space: Space): void {
    const { layout, limit } = parent;
    this.#pending.add({
      parent,
      tid,
      number,
      layout,
      space,
      limit,
      isSibling,
      returned: false,
      missed: false,
      confused: false,
    });
  }

  returned(tid: number): void {
    for (const fork of this.#pending) if (fork.tid === tid) fork.returned = true;
  }

  /**
   * The fork that made a process of this image, whose parent may be gone; after exec neither is the caller's business any more.
   * Which of several it was cannot be told: they are confused then.
   */
  take({ layout, isHidden, ppid }: Image): PendingFork | undefined {
    if (this.#pending.size === 0) return undefined;
    const alike = [...this.#pending].filter((fork) => fork.layout === layout || (isHidden && fork.parent.pid === ppid));
    const ofParent = alike.filter((fork) => fork.parent.pid === ppid);
    const candidates = ofParent.length > 0 ? ofParent : alike;
    const [found] = candidates;
    if (!found) return undefined;
    if (candidates.some(({ space }) => space.pages !== found.space.pages)) {
      for (const fork of candidates) fork.confused = true;
    }
    this.#pending.delete(found);
    return found;
  }

  /** The fork that `tid` was granted last. */
  ofThread(tid: number): PendingFork | undefined {
    return [...this.#pending].findLast((fork) => fork.tid === tid && !fork.returned);
  }

  /** Whether a fork's child was not found again: the kernel's list leaves children out while others come and go. */
  isGone(fork: PendingFork): boolean {
    if (!this.#pending.has(fork)) return false;
    const again = fork.missed;
    fork.missed = true;
    return again;
  }

  delete(fork: PendingFork): void {
    this.#pending.delete(fork);
  }
}
