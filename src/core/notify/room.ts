import type { Refusal } from "../charges/swap-ledger.ts";
import type { AccountedProcess } from "../space/process.ts";
import type { Space } from "../space/space.ts";
import type { Accounts } from "./accounts.ts";

/** Whether the limits leave room for a call, and how room is found: by reading the maps of those who share a limit. Charges nothing itself. */
export class Room {
  readonly #accounts: Accounts;

  constructor(accounts: Accounts) {
    this.#accounts = accounts;
  }

  /**
   * Whether `need` more pages would be refused even if every other space gave back all it has: the pages of the caller's own space,
   * confirmed by its map, exceed the limit with them. Then no other map has to be read, and no other call has to be waited for.
   */
  isHopeless(process: AccountedProcess, need: number): boolean {
    const { space } = process;
    if (!space.sizeAtRead || !space.isExact) return false;
    const refusal = this.refusalOf(process, need);
    return refusal !== undefined && space.own + need > refusal.limit;
  }

  /** Whether `pages` more for this process exceed no limit now. No map is read. */
  fits(process: AccountedProcess, pages: number): boolean {
    return this.refusalOf(process, pages) === undefined;
  }

  /** Which limit `pages` more for this process would exceed; undefined for none. */
  refusalOf(process: AccountedProcess, pages: number): Refusal | undefined {
    const { payer, job } = process.space;
    return this.#accounts.ledger.refusalOf(pages, payer, process, job);
  }

  /** Tells which spaces count against the limit that `pages` more would exceed: a read of their maps may make room. */
  rivals({ space: { payer, job } }: AccountedProcess, pages: number): (space: Space) => boolean {
    const full = job.exceededBy(pages);
    if (full) return (space) => space.job.isWithin(full);
    if (!this.#accounts.ledger.hasSupply(pages)) return () => true;
    return (space) => space.payer === payer || space.foreign.some((range) => range.payer === payer);
  }

  /** Reads the maps of the spaces that are `rivals`, one after the other, until `pages` more fit. Returns whether they do. */
  make(process: AccountedProcess, pages: number, rivals: (space: Space) => boolean): boolean {
    this.#accounts.arrivals.findPending();
    this.#accounts.objects.sweep(this.#accounts.population, false);
    // Shared memory that such a space was granted, perhaps as another uid, is given back when its map does not show it.
    const concerns = (space: Space): boolean => rivals(space) || this.#accounts.objects.hasUnseen(space);
    for (const other of this.#accounts.population) {
      this.#accounts.population.refresh(other);
      const { space } = other;
      if (this.fits(process, pages)) return true;
      if (space !== process.space && concerns(space) && !this.isUnchanged(space)) this.#accounts.readMap(space);
    }
    return this.fits(process, pages);
  }

  /** Whether total and data pages are what they were when the map was last read: then nothing has been mapped or unmapped since. */
  isUnchanged(space: Space): boolean {
    const { sizeAtRead, pids } = space;
    if (this.#accounts.objects.hasUnseen(space)) return false;
    const [pid] = pids;
    const size = sizeAtRead && pid !== undefined ? this.#accounts.targets.size(pid) : undefined;
    return size !== undefined && size.total === sizeAtRead!.total && size.data === sizeAtRead!.data;
  }
}
