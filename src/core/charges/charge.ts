import type { Budget } from "./budget.ts";
import type { SwapLedger } from "./swap-ledger.ts";
import type { UidInfo } from "./uidinfo.ts";

/**
 * Pages that one uid pays for. The holder – an address space, a shared object, a memory disk – owns the charge and releases it when it
 * ends. Every change goes to the ledger and the budget at once, and none is refused here: the caller asks `SwapLedger.refusalOf` before.
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

  /** The budget that the pages count against, beside the payer's total and that of the machine. */
  get budget(): Budget | undefined {
    return this.#budget;
  }

  /** Charges `pages` more; gives them back where negative. */
  grow(pages: number): void {
    this.#pages += pages;
    if (pages >= 0) this.#ledger.force(pages, this.payer);
    else this.#ledger.release(-pages, this.payer);
    this.#budget?.add(pages);
  }

  /** Gives all pages back. */
  release(): void {
    this.grow(-this.#pages);
  }

  /** The pages count against `budget` from now on, even where that exceeds it. */
  moveTo(budget: Budget): void {
    this.#budget?.add(-this.#pages);
    this.#budget = budget;
    budget.add(this.#pages);
  }
}
