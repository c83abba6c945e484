import { isErrno } from "../../core/base/errno.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import type { UidAccount } from "../../core/procfs/accounts-port.ts";
import { Parked } from "../../core/vfs/parked.ts";
import { LiveTargets } from "./live-targets.ts";
import type { AccountedRow, PayerRow } from "./requests.ts";

/** How long processes are counted in one turn of the event loop. */
const SLICE_MS = 0.25;

const bytes = (pages: number): number => pages * PAGE_SIZE;

type Row = { -readonly [K in keyof UidAccount]: UidAccount[K] };

/** One row for each uid that pays or has a process with memory. Reads all processes of the machine, in slices of the event loop. */
export function countUids(
  payers: readonly PayerRow[],
  accounted: readonly AccountedRow[],
): Parked<readonly UidAccount[]> {
  const targets = new LiveTargets();
  const limits = new Map(accounted);
  const rows = new Map<number, Row>();
  const rowOf = (uid: number): Row => {
    let found = rows.get(uid);
    if (!found) {
      found = {
        ...{ uid, reserved: 0, limit: Number.POSITIVE_INFINITY, peak: 0, refusals: 0 },
        ...{ accounted: 0, observed: 0, observedBytes: 0 },
      };
      rows.set(uid, found);
    }
    return found;
  };
  const count = (pid: number): void => {
    const ids = targets.ids(pid);
    if (!ids) return;
    const limit = limits.get(pid);
    const { data = 0, total = 0 } = targets.size(pid) ?? {};
    // Kernel threads and zombies have no memory.
    if (limit === undefined && total === 0) return;
    const row = rowOf(ids.ruid);
    if (limit !== undefined) {
      row.accounted++;
      row.limit = Math.min(row.limit, bytes(limit));
    } else {
      row.observed++;
      row.observedBytes += bytes(data);
    }
  };
  for (const { uid, reserved, peak, refusals } of payers) {
    Object.assign(rowOf(uid), { reserved: bytes(reserved), peak: bytes(peak), refusals });
  }
  const left = targets.pids();
  let at = 0;
  let next: NodeJS.Immediate | undefined;
  const done = new Parked<readonly UidAccount[]>(() => clearImmediate(next));
  const slice = (): void => {
    const end = performance.now() + SLICE_MS;
    try {
      while (at < left.length && performance.now() < end) count(left[at++]!);
    } catch (error) {
      if (!isErrno(error)) throw error;
      done.fail(error);
      return;
    }
    if (at < left.length) next = setImmediate(slice);
    else done.settle([...rows.values()].sort((a, b) => a.uid - b.uid));
  };
  slice();
  return done;
}
