import type { SmapsEntry } from "../../core/abi/text/smaps.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import type { Outcome } from "../../core/vfs/parked.ts";
import { type Steps, step } from "../../core/vfs/steps.ts";
import type { MapLine } from "../../core/vm/map-line.ts";
import type { Resident } from "../linux/pagemap.ts";
import { toMapLine } from "./map-lines.ts";
import type { Payment } from "./requests.ts";
import { toVma } from "./to-vma.ts";

const bytes = (pages: number): number => pages * PAGE_SIZE;

/** Pages, and the uid that pays for them. */
interface Part {
  readonly start: number;
  readonly end: number;
  readonly uid: number;
}

/**
 * Every mapping of a process with who pays for it; one that two have paid for, and the kernel has made one of, in parts. `residentOf`
 * counts the pages in memory of ranges of the process, which are pages.
 */
export function* linesOf(
  entries: readonly SmapsEntry[],
  payment: Payment,
  residentOf: (ranges: readonly (readonly [start: number, end: number])[]) => Outcome<readonly Resident[]>,
): Steps<readonly MapLine[]> {
  const lines: MapLine[] = [];
  for (const entry of entries) {
    const { start, end, accounted, object } = toVma(entry);
    const shared = object === undefined ? undefined : payment.objects.get(object);
    const parts = accounted && payment.payer !== undefined ? partsOf(start, end, payment.payer, payment.foreign) : [];
    const line = toMapLine(entry, parts[0]?.uid ?? shared);
    if (parts.length < 2) {
      lines.push(line);
      continue;
    }
    const resident = yield* step(residentOf(parts.map(({ start, end }) => [start, end] as const)));
    for (const [i, part] of parts.entries()) lines.push(partOf(line, part, resident[i]!));
  }
  return lines;
}

/** [start, end) by payer: in order, without a gap. */
function partsOf(start: number, end: number, payer: number, foreign: Payment["foreign"]): Part[] {
  const parts: Part[] = [];
  let at = start;
  const reach = (to: number, uid: number): void => {
    if (to > at) parts.push({ start: at, end: to, uid });
    at = Math.max(at, to);
  };
  for (const [from, to, uid] of foreign) {
    if (to <= start || from >= end) continue;
    reach(from, payer);
    reach(Math.min(to, end), uid);
  }
  reach(end, payer);
  return parts;
}

function partOf(line: MapLine, { start, end, uid }: Part, { resident, exclusive }: Resident): MapLine {
  const address = bytes(start);
  return {
    ...line,
    ...{ start: address, end: bytes(end), resident, privateResident: exclusive, payer: uid },
    object: line.object === line.start ? address : line.object,
  };
}
