import type { UidInfo } from "../../src/core/charges/uidinfo.ts";
import type { Operation } from "../../src/core/trap/operation.ts";
import type { VmMapEntry } from "../../src/core/vm/entry.ts";
import type { VmMap } from "../../src/core/vm/map.ts";
import type { Proc } from "../../src/core/vm/proc.ts";

/** Shared memory, as Linux calls it: its object pays, whoever maps it. */
export const isShared = ({ object, cow }: VmMapEntry): boolean => object !== undefined && !cow && !object.divisible;

/** The lowest page from `from` on where so many are free. */
export function firstFree(map: VmMap, from: number, pages: number): number {
  let at = from;
  for (const { start, end } of map.entries) {
    if (end <= at) continue;
    if (start >= at + pages) break;
    at = end;
  }
  return at;
}

function sumWithin(map: VmMap, start: number, end: number, counts: (entry: VmMapEntry) => boolean): number {
  let pages = 0;
  for (const entry of map.entries) {
    if (counts(entry)) pages += Math.max(0, Math.min(entry.end, end) - Math.max(entry.start, start));
  }
  return pages;
}

/** Who pays for private memory. */
export const payerOf = (entry: VmMapEntry): UidInfo | undefined =>
  entry.cred ?? (entry.charged ? entry.object?.cred : undefined);

/** Pages that a call of `proc` adds to what its real uid is charged, told from the model's map. */
export function priceOf(operation: Operation, proc: Proc): number {
  const { map, dataStart, dataSize } = proc.vmspace;
  switch (operation.kind) {
    case "map": {
      const { start, pages } = operation;
      if (start === undefined) return pages;
      const isOwn = (entry: VmMapEntry): boolean => !isShared(entry) && payerOf(entry) === proc.ruid;
      return pages - sumWithin(map, start, start + pages, isOwn);
    }
    case "share":
      return operation.pages;
    case "brk":
      return Math.max(0, operation.end - dataStart - dataSize);
    case "protect": {
      const gains = (entry: VmMapEntry): boolean => !(isShared(entry) || entry.charged || entry.noReserve);
      return sumWithin(map, operation.start, operation.start + operation.pages, gains);
    }
    case "remap": {
      const entry = map.lookup(operation.start);
      if (!entry || isShared(entry) || !entry.charged) return 0;
      return operation.keepsOld ? operation.newPages : Math.max(0, operation.newPages - operation.oldPages);
    }
    case "fork": {
      const copied = (entry: VmMapEntry): boolean => !isShared(entry) && entry.charged && entry.inherit === "copy";
      return sumWithin(map, 0, Number.POSITIVE_INFINITY, copied);
    }
    default:
      return 0;
  }
}
