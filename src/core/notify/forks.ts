import type { LetGo } from "./let-go.ts";
import type { Image } from "./ports.ts";
import type { SwapLimit } from "./process.ts";
import type { Space } from "./space.ts";

/** A child that is paid for and has not been seen yet. */
export interface PendingFork {
  /** Of the parent's. */
  readonly call: LetGo;
  readonly layout: string;
  readonly space: Space;
  readonly limit: SwapLimit;
  /** The child is its parent's parent's. */
  readonly isSibling: boolean;
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

  add(call: LetGo, isSibling: boolean, space: Space): PendingFork {
    const { layout, limit } = call.process;
    const fork: PendingFork = { call, layout, space, limit, isSibling, missed: false, confused: false };
    this.#pending.add(fork);
    return fork;
  }

  /** Forks that may have made a process of this image, its parent's before others'; one that hides it is known by its parent. */
  alike({ layout, isHidden, ppid }: Image): readonly PendingFork[] {
    if (this.#pending.size === 0) return [];
    const isParents = ({ call }: PendingFork): boolean => call.process.pid === ppid;
    const alike = [...this.#pending].filter((fork) => fork.layout === layout || (isHidden && isParents(fork)));
    const ofParent = alike.filter(isParents);
    return ofParent.length > 0 ? ofParent : alike;
  }

  /**
   * The fork that made a process of this image, whose parent may be gone; after exec neither is the caller's business any more.
   * Which of several it was cannot be told: they are confused then.
   */
  take(image: Image): PendingFork | undefined {
    const candidates = this.alike(image);
    const [found] = candidates;
    if (!found) return undefined;
    if (candidates.some(({ space }) => space.pages !== found.space.pages)) {
      for (const fork of candidates) fork.confused = true;
    }
    this.#pending.delete(found);
    return found;
  }

  /** Whether a fork's child was not found again: the kernel's list leaves children out while others come and go. */
  isGone(fork: PendingFork): boolean {
    if (!this.#pending.has(fork)) return false;
    const again = fork.missed;
    fork.missed = true;
    return again;
  }

  /** False: it has been taken. */
  delete(fork: PendingFork): boolean {
    return this.#pending.delete(fork);
  }
}
