import type { UidInfo } from "../charges/uidinfo.ts";

/** Figures about a uid beside its total. */
export interface UidFigures {
  /** The highest total so far: pages. */
  peak: number;
  /** How many calls were refused. */
  refusals: number;
}

/** The figures of every uid that was ever asked for. */
export class UidAccounts {
  readonly #figures = new Map<UidInfo, UidFigures>();

  /** The figures of a uid; zeros at first. The object is the live one. */
  of(payer: UidInfo): UidFigures {
    let figures = this.#figures.get(payer);
    if (!figures) {
      figures = { peak: 0, refusals: 0 };
      this.#figures.set(payer, figures);
    }
    return figures;
  }

  /** Raises the peak to the present total: to be called when the total has grown. */
  note(payer: UidInfo): void {
    const figures = this.of(payer);
    figures.peak = Math.max(figures.peak, payer.vmsize);
  }
}
