import type { UidInfo } from "../charges/uidinfo.ts";

/** Figures about a uid beside its total. */
export interface UidFigures {
  /** The highest total so far: pages. */
  peak: number;
  /** The same since {@link UidAccounts.takeLately}. */
  lately: number;
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
      figures = { peak: 0, lately: 0, refusals: 0 };
      this.#figures.set(payer, figures);
    }
    return figures;
  }

  /** Raises the peak to the present total: to be called when the total has grown. */
  note(payer: UidInfo): void {
    const figures = this.of(payer);
    figures.lately = Math.max(figures.lately, payer.vmsize);
    figures.peak = Math.max(figures.peak, figures.lately);
  }

  /** The highest total since it was taken last. */
  takeLately(payer: UidInfo): number {
    const figures = this.of(payer);
    const { lately } = figures;
    figures.lately = payer.vmsize;
    return Math.max(lately, payer.vmsize);
  }
}
