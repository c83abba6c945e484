import type { Budget } from "../charges/budget.ts";
import { Charge } from "../charges/charge.ts";
import type { SwapLedger } from "../charges/swap-ledger.ts";
import type { UidInfo } from "../charges/uidinfo.ts";
import { type Foreign, lengthOf } from "./ranges.ts";

/** The parts of an address space that an earlier uid of its process pays for: ranges in order of address, and one charge for each payer. */
export class ForeignMemory {
  readonly #ledger: SwapLedger;
  readonly #charges = new Map<UidInfo, Charge>();
  #ranges: readonly Foreign[] = [];

  constructor(ledger: SwapLedger) {
    this.#ledger = ledger;
  }

  get ranges(): readonly Foreign[] {
    return this.#ranges;
  }

  get charges(): Iterable<Charge> {
    return this.#charges.values();
  }

  get pages(): number {
    let pages = 0;
    if (this.#ranges.length > 0) for (const charge of this.#charges.values()) pages += charge.pages;
    return pages;
  }

  /** Replaces the ranges and adjusts the charges. A charge that is new counts against `budget`. */
  become(ranges: readonly Foreign[], budget: Budget): void {
    for (const range of this.#ranges) this.#chargeOf(range.payer, budget).grow(-lengthOf(range));
    for (const range of ranges) this.#chargeOf(range.payer, budget).grow(lengthOf(range));
    for (const [payer, { pages }] of this.#charges) if (pages === 0) this.#charges.delete(payer);
    this.#ranges = ranges;
  }

  #chargeOf(payer: UidInfo, budget: Budget): Charge {
    let charge = this.#charges.get(payer);
    if (!charge) {
      charge = new Charge(this.#ledger, payer, budget);
      this.#charges.set(payer, charge);
    }
    return charge;
  }
}
