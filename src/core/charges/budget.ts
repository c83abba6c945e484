import { UNLIMITED } from "./unlimited.ts";

/** How much holders may have together, whoever pays. What counts against it counts against those around it. */
export class Budget {
  readonly name: string;
  /** Pages. */
  most: number;
  readonly around: Budget | undefined;
  #pages = 0;

  constructor(name: string, most: number = UNLIMITED, around?: Budget) {
    this.name = name;
    this.most = most;
    this.around = around;
  }

  /** What its holders have: pages. */
  get pages(): number {
    return this.#pages;
  }

  add(pages: number): void {
    for (let each: Budget | undefined = this; each; each = each.around) each.#pages += pages;
  }

  isWithin(budget: Budget): boolean {
    for (let each: Budget | undefined = this; each; each = each.around) if (each === budget) return true;
    return false;
  }

  /** The budget, this one or one around it, that has no room for so much more. */
  without(pages: number): Budget | undefined {
    for (let each: Budget | undefined = this; each; each = each.around) {
      if (each.#pages + pages > each.most) return each;
    }
    return undefined;
  }
}
