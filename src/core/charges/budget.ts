import { UNLIMITED } from "./unlimited.ts";

/**
 * A limit for the charges of several holders together, whoever pays. Budgets nest: what counts against one counts against those around it.
 */
export class Budget {
  readonly name: string;
  /** The limit: pages. It may be set below what the holders have; then more is refused. */
  most: number;
  /** The budget that this one is part of. */
  readonly around: Budget | undefined;
  #pages = 0;
  #peak = 0;

  constructor(name: string, most: number = UNLIMITED, around?: Budget) {
    this.name = name;
    this.most = most;
    this.around = around;
  }

  /** What its holders have, those of budgets inside included: pages. */
  get pages(): number {
    return this.#pages;
  }

  /** The most that the holders ever had: pages. */
  get peak(): number {
    return this.#peak;
  }

  /** Counts `pages` more, or less where negative, here and in all budgets around. Called by `Charge` only. */
  add(pages: number): void {
    for (let each: Budget | undefined = this; each; each = each.around) {
      each.#pages += pages;
      if (each.#pages > each.#peak) each.#peak = each.#pages;
    }
  }

  /** Whether this is `budget`, or inside it. */
  isWithin(budget: Budget): boolean {
    for (let each: Budget | undefined = this; each; each = each.around) if (each === budget) return true;
    return false;
  }

  /** The innermost budget, this one or one around it, that `pages` more would exceed; undefined for none. */
  exceededBy(pages: number): Budget | undefined {
    for (let each: Budget | undefined = this; each; each = each.around) {
      if (each.#pages + pages > each.most) return each;
    }
    return undefined;
  }
}
