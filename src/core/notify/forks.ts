import type { TrappedCall } from "./notification.ts";
import type { Image, Progress } from "./ports.ts";
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
  /** Where the thread was when it was first seen running on. */
  first: Progress | undefined;
  /** Its child was looked for and not found. */
  missed: boolean;
  /** Its child may have been taken for another's, and the other way round. */
  confused: boolean;
}

export class PendingForks {
  readonly #pending = new Set<PendingFork>();
  /** By thread, what it was granted last and has not returned from. */
  readonly #called = new Map<number, PendingFork>();

  get any(): boolean {
    return this.#pending.size > 0;
  }

  [Symbol.iterator](): IterableIterator<PendingFork> {
    return this.#pending.values();
  }

  add(parent: AccountedProcess, { tid, number }: TrappedCall, isSibling: boolean, space: Space): void {
    const { layout, limit } = parent;
    const fork: PendingFork = {
      parent,
      tid,
      number,
      layout,
      space,
      limit,
      isSibling,
      returned: false,
      first: undefined,
      missed: false,
      confused: false,
    };
    this.#pending.add(fork);
    this.#called.set(tid, fork);
  }

  returned(tid: number): void {
    const fork = this.#called.get(tid);
    if (fork) fork.returned = true;
    this.#called.delete(tid);
  }

  /** A fork that may have made a process of this image; one that hides it is only known by its parent, `parent`. */
  match({ layout, isHidden }: Image, parent?: AccountedProcess): PendingFork | undefined {
    for (const fork of this.#pending) {
      if (fork.layout === layout || (isHidden && fork.parent === parent)) return fork;
    }
    return undefined;
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
    this.delete(found);
    return found;
  }

  /** The fork that `tid` was granted last. */
  ofThread(tid: number): PendingFork | undefined {
    const fork = this.#called.get(tid);
    return fork && this.#pending.has(fork) ? fork : undefined;
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
    if (this.#called.get(fork.tid) === fork) this.#called.delete(fork.tid);
  }
}
