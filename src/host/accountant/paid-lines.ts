import type { SmapsEntry } from "../../core/abi/text/smaps.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import type { MapLine } from "../../core/vm/map-line.ts";
import type { Resident } from "../linux/pagemap.ts";
import { toMapLine } from "./map-lines.ts";
import { FOREIGN_NUMBERS, type Payment } from "./requests.ts";
import { toVma } from "./to-vma.ts";

const bytes = (pages: number): number => pages * PAGE_SIZE;

/** Pages [start, end) and the uid that pays for them. */
interface Part {
  readonly start: number;
  readonly end: number;
  readonly uid: number;
}

/**
 * The map lines of a process, with the uid that pays. A VMA of which two uids pay for parts (the kernel merges neighbours) becomes several
 * lines. `residentOf` counts the resident pages of a range of the process, which is given in pages.
 */
export function* linesOf(
  entries: readonly SmapsEntry[],
  payment: Payment,
  residentOf: (start: number, end: number) => Resident,
): Generator<MapLine> {
  const { payer, objects } = payment;
  const foreign = new ForeignParts(payment.foreign);
  for (const entry of entries) {
    const { start, end, accounted, object } = toVma(entry);
    const shared = object === undefined ? undefined : objects.get(object);
    const parts = accounted && payer !== undefined ? foreign.partsOf(start, end, payer) : [];
    const line = toMapLine(entry, parts[0]?.uid ?? shared);
    if (parts.length < 2) yield line;
    else for (const part of parts) yield partOf(line, part, residentOf(part.start, part.end));
  }
}

/** The foreign ranges of a process, for lookups in order of address. */
class ForeignParts {
  readonly #foreign: Payment["foreign"];
  /** The index of the first range that does not end before the last lookup. */
  #next = 0;

  constructor(foreign: Payment["foreign"]) {
    this.#foreign = foreign;
  }

  /** Pages [start, end) divided by payer: in order of address, without gaps. `start` is not below that of the last call. */
  partsOf(start: number, end: number, payer: number): Part[] {
    const parts: Part[] = [];
    let at = start;
    const reach = (to: number, uid: number): void => {
      if (to > at) parts.push({ start: at, end: to, uid });
      at = Math.max(at, to);
    };
    const foreign = this.#foreign;
    while (this.#next < foreign.length && foreign[this.#next + 1]! <= start) this.#next += FOREIGN_NUMBERS;
    for (let i = this.#next; i < foreign.length && foreign[i]! < end; i += FOREIGN_NUMBERS) {
      reach(foreign[i]!, payer);
      reach(Math.min(foreign[i + 1]!, end), foreign[i + 2]!);
    }
    reach(end, payer);
    return parts;
  }
}

function partOf(line: MapLine, { start, end, uid }: Part, { resident, exclusive }: Resident): MapLine {
  const address = bytes(start);
  return {
    ...line,
    ...{ start: address, end: bytes(end), resident, privateResident: exclusive, payer: uid },
    object: line.object === line.start ? address : line.object,
  };
}
