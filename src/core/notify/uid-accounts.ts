import type { UidInfo } from "../charges/uidinfo.ts";

/** What is told of a uid beside its total. */
export interface UidFigures {
  /** The highest total: pages. */
  peak: number;
  refusals: number;
}

export class UidAccounts {
  readonly #figures = new Map<UidInfo, UidFigures>();

  of(payer: UidInfo): UidFigures {
    let figures = this.#figures.get(payer);
    if (!figures) {
      figures = { peak: 0, refusals: 0 };
      this.#figures.set(payer, figures);
    }
    return figures;
  }

  /** To be told of totals that may be higher than ever. */
  note(payer: UidInfo): void {
    const figures = this.of(payer);
    figures.peak = Math.max(figures.peak, payer.vmsize);
  }
}
