import { PAGE_SIZE } from "../../core/base/size.ts";
import type { Budget } from "../../core/charges/budget.ts";
import type { SwapLedger } from "../../core/charges/swap-ledger.ts";
import type { Accounts } from "../../core/notify/accounts.ts";
import type { JobAccount, RefusedCall, SwapFigures } from "../../core/procfs/accounts-port.ts";
import type { Job } from "../../core/space/job.ts";
import { FOREIGN_NUMBERS, type Payment, type Requests } from "./requests.ts";

const bytes = (pages: number): number => pages * PAGE_SIZE;

/** The last refused calls of a process, oldest first; sizes in bytes. */
export function refusalsOf({ population }: Accounts, pid: number): readonly RefusedCall[] {
  const { refusals = [] } = population.find(pid) ?? {};
  return refusals.map(({ timeMs, call, pages, reason, used, limit }) => {
    return { timeMs, call, bytes: bytes(pages), reason, used: bytes(used), limit: bytes(limit) };
  });
}

export function swapFigures({ swapTotal, reserved, overcommit, supply }: SwapLedger): SwapFigures {
  return { total: bytes(swapTotal), reserved: bytes(reserved), overcommit, supply: bytes(supply) };
}

function nameOf({ label, container, sessionOf }: Job): string | undefined {
  if (label !== undefined) return label;
  if (container !== undefined) return `container ${container}`;
  return sessionOf === undefined ? undefined : `session ${sessionOf}`;
}

/** Every job but that of processes without one. */
export function jobsOf({ jobs, rootJob, population }: Accounts): readonly JobAccount[] {
  const processes = new Map<Budget, number>();
  for (const { space } of population) {
    for (let job: Budget | undefined = space.job; job; job = job.around)
      processes.set(job, (processes.get(job) ?? 0) + 1);
  }
  return [...jobs]
    .filter((job) => job !== rootJob)
    .map((job) => {
      const { id, root, pages, most, peak, refusals } = job;
      const pid = root !== undefined && population.find(root)?.space.job.isWithin(job) ? root : undefined;
      return {
        ...{ id, name: nameOf(job), pid, processes: processes.get(job) ?? 0 },
        ...{ reserved: bytes(pages), limit: bytes(most), peak: bytes(peak), refusals },
      };
    });
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
