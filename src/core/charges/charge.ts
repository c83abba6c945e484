import type { Budget } from "./budget.ts";
import type { SwapLedger } from "./swap-ledger.ts";
import type { UidInfo } from "./uidinfo.ts";

/**
 * Pages that one uid pays for, as long as somebody holds them: an address space, an object that processes share, a memory disk. Every
 * change goes to the ledger and to the budget. Whether there is room is asked before, of the ledger.
 */
export class Charge {
  readonly payer: UidInfo;
  readonly #ledger: SwapLedger;
  #budget: Budget | undefined;
  #pages = 0;

  constructor(ledger: SwapLedger, payer: UidInfo, budget?: Budget) {
    this.#ledger = ledger;
    this.payer = payer;
    this.#budget = budget;
  }

  get pages(): number {
    return this.#pages;
  }

  get budget(): Budget | undefined {
    return this.#budget;
  }

  /** Takes so many pages more; gives them back where that is negative. */
  grow(pages: number): void {
    this.#pages += pages;
    if (pages >= 0) this.#ledger.force(pages, this.payer);
    else this.#ledger.release(-pages, this.payer);
    this.#budget?.add(pages);
  }

  release(): void {
    this.grow(-this.#pages);
  }

  /** It counts against another budget from now on, for which nobody is asked. */
  moveTo(budget: Budget): void {
    this.#budget?.add(-this.#pages);
    this.#budget = budget;
    budget.add(this.#pages);
  }
}
