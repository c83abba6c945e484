import type { Budget } from "./budget.ts";
import type { SwapLedger } from "./swap-ledger.ts";
import type { UidInfo, UidInfos } from "./uidinfo.ts";

/** Where the totals are kept that charges add up to. */
export interface Totals {
  readonly ledger: SwapLedger;
  readonly uids: UidInfos;
  readonly budgets: Iterable<Budget>;
}

/** What holds a charge: a {@link Charge}, or an object of `core/vm`, which keeps payer and pages itself. */
export interface Holder {
  readonly payer: UidInfo;
  readonly pages: number;
  readonly budget?: Budget | undefined;
}

/** Adds up the pages of all holders again. Returns a line for each total that differs from the one kept. */
export function recount(holders: Iterable<Holder>, { ledger, uids, budgets }: Totals): string[] {
  const byUid = new Map<UidInfo, number>();
  const byBudget = new Map<Budget, number>();
  let all = 0;
  for (const { payer, pages, budget } of holders) {
    all += pages;
    byUid.set(payer, (byUid.get(payer) ?? 0) + pages);
    for (let each = budget; each; each = each.around) byBudget.set(each, (byBudget.get(each) ?? 0) + pages);
  }
  const lines: string[] = [];
  const compare = (what: string, kept: number, counted: number): void => {
    if (kept !== counted) lines.push(`${what}: ${kept} pages are kept, ${counted} counted`);
  };
  for (const payer of uids) compare(`uid ${payer.uid}`, payer.vmsize, byUid.get(payer) ?? 0);
  compare("swap_reserved", ledger.reserved, all);
  for (const budget of new Set([...budgets, ...byBudget.keys()])) {
    compare(budget.name, budget.pages, byBudget.get(budget) ?? 0);
  }
  return lines;
}
