import type { VmMapEntry } from "./entry.ts";
import type { VmMap } from "./map.ts";
import type { ObjectType, VmObject } from "./object.ts";
import { protText } from "./vocabulary.ts";

/** What the map does not know about objects. */
export interface MapLineNames {
  /** Bytes a page. */
  readonly pageSize: number;
  /** A number for an object that tells it from others: its address, upstream. */
  address(object: VmObject): number;
}

/**
 * `<pid>/map`, a line each entry: start, end, resident pages, private resident pages, object, rights, references, shadows,
 * flags, COW or NCOW, NC or NNC, type, path, CH or NCH, the uid charged or -1. References to flags are those of the first
 * object, type and path those of the last one behind it: docs/semantics.md, "The map line".
 */
export function* mapLines(map: VmMap, names: MapLineNames): IterableIterator<string> {
  for (const entry of map.entries) yield mapLine(entry, names);
}

/** One line of `<pid>/map`: the fields of docs/semantics.md, "The map line", addresses in bytes, counts in pages. */
export interface MapLine {
  readonly start: number;
  readonly end: number;
  readonly resident: number;
  readonly privateResident: number;
  /** A number for the object, 0 without. */
  readonly object: number;
  readonly rights: string;
  readonly references: number;
  readonly shadows: number;
  readonly flags: number;
  readonly copyOnWrite: boolean;
  readonly needsCopy: boolean;
  readonly type: "none" | ObjectType;
  readonly path: string | undefined;
  /** The uid charged. */
  readonly payer: number | undefined;
}

export function formatMapLine(line: MapLine): string {
  return [
    hex(line.start),
    hex(line.end),
    line.resident,
    line.privateResident,
    line.object === 0 ? 0 : hex(line.object),
    line.rights,
    line.references,
    line.shadows,
    hex(line.flags),
    line.copyOnWrite ? "COW" : "NCOW",
    line.needsCopy ? "NC" : "NNC",
    line.type,
    line.path ?? "-",
    line.payer === undefined ? "NCH" : "CH",
    line.payer ?? -1,
  ].join(" ");
}

export function mapLine(entry: VmMapEntry, { pageSize, address }: MapLineNames): string {
  const { object: first } = entry;
  const last = first?.bottom;
  return formatMapLine({
    start: entry.start * pageSize,
    end: entry.end * pageSize,
    resident: resident(entry),
    privateResident: first?.shadowCount === 1 ? first.pageCount : 0,
    object: first ? address(first) : 0,
    rights: protText(entry.prot),
    references: first?.refCount ?? 0,
    shadows: first?.shadowCount ?? 0,
    flags: first?.flags ?? 0,
    copyOnWrite: entry.cow,
    needsCopy: entry.needsCopy,
    type: last?.type ?? "none",
    path: last?.type === "vnode" ? last.handle : undefined,
    payer: (entry.cred ?? first?.cred)?.uid,
  });
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** The pages of the entry that exist somewhere in its chain of objects. */
function resident(entry: VmMapEntry): number {
  let count = 0;
  for (let index = entry.offset; index < entry.offset + entry.length; ) {
    const end = entry.offset + entry.length;
    const run = nextRun(entry.object, index, end);
    if (!run) break;
    count += run.to - run.from;
    index = run.to;
  }
  return count;
}

/** The first stretch of pages in [from, to), in indexes of `object`, that it or one behind it has. */
function nextRun(
  object: VmObject | undefined,
  from: number,
  to: number,
): { readonly from: number; readonly to: number } | undefined {
  let found: { from: number; to: number } | undefined;
  let shift = 0;
  for (let each = object; each; each = each.backing) {
    const [run] = each.pagesWithin(from + shift, to + shift);
    if (run && (found === undefined || run[0] - shift < found.from)) {
      found = { from: run[0] - shift, to: run[1] - shift };
    }
    shift += each.backingOffset;
  }
  return found;
}
