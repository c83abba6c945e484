import { PAGE_SIZE } from "../../core/base/size.ts";
import type { SwapLedger } from "../../core/charges/swap-ledger.ts";
import type { Accounts } from "../../core/notify/accounts.ts";
import type { RefusedCall, SwapFigures } from "../../core/procfs/accounts-port.ts";
import { FOREIGN_NUMBERS, type Payment, type Requests } from "./requests.ts";

const bytes = (pages: number): number => pages * PAGE_SIZE;

/** The last calls of a process that were refused. */
export function refusalsOf({ population }: Accounts, pid: number): readonly RefusedCall[] {
  const { refusals = [] } = population.find(pid) ?? {};
  return refusals.map(({ timeMs, call, pages, reason, used, limit }) => {
    return { timeMs, call, bytes: bytes(pages), reason, used: bytes(used), limit: bytes(limit) };
  });
}

export function swapFigures({ swapTotal, reserved, overcommit, supply }: SwapLedger): SwapFigures {
  return { total: bytes(swapTotal), reserved: bytes(reserved), overcommit, supply: bytes(supply) };
}

/** What every uid pays for, and which processes are under accounting: pages. */
export function uidsOf({ uids, figures, population, ledger }: Accounts): ReturnType<Requests["uids"]> {
  return {
    payers: [...uids].map((payer) => ({ uid: payer.uid, reserved: payer.vmsize, ...figures.of(payer) })),
    accounted: [...population].map((process) => [process.pid, ledger.limitOf(process.space.payer, process)]),
  };
}

export function paymentOf({ population, objects }: Accounts, pid: number): Payment {
  const space = population.find(pid)?.space;
  const shared = new Map<string, number>();
  for (const { name, uid } of objects) shared.set(name, uid);
  const { foreign = [], payer } = space ?? {};
  const numbers = new Float64Array(foreign.length * FOREIGN_NUMBERS);
  for (const [i, { start, end, payer }] of foreign.entries()) numbers.set([start, end, payer.uid], i * FOREIGN_NUMBERS);
  return { payer: payer?.uid, foreign: numbers, objects: shared };
}
