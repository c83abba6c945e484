import { type SmapsEntry, smapsFigure } from "../../core/abi/text/smaps.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import type { MapLine } from "../../core/vm/map-line.ts";

/** A figure of smaps, which is in kB, in pages. */
const pagesOf = (entry: SmapsEntry, name: string): number => (smapsFigure(entry, name) * 1024) / PAGE_SIZE;

function typeOf(entry: SmapsEntry, touched: boolean): MapLine["type"] {
  if (entry.path.startsWith("/dev/") && !entry.path.startsWith("/dev/shm/") && entry.path !== "/dev/zero (deleted)") {
    return "device";
  }
  if (entry.inode !== 0)
    return entry.path === "/dev/zero (deleted)" || /^\/(SYSV|memfd:)/.test(entry.path) ? "swap" : "vnode";
  return touched ? (smapsFigure(entry, "Swap") > 0 ? "swap" : "default") : "none";
}

/**
 * A Linux mapping in FreeBSD's terms. Memory that was never touched has no object, and its entry holds the charge; a private
 * file mapping holds one in advance of its first write, as long as it needs the copy.
 */
export function toMapLine(entry: SmapsEntry, payer: number | undefined): MapLine {
  const { start, end, rights, inode, path } = entry;
  const resident = pagesOf(entry, "Rss");
  const anonymous = pagesOf(entry, "Anonymous") + pagesOf(entry, "Swap");
  const shared = rights.endsWith("s");
  const touched = anonymous > 0 || resident > 0;
  const type = typeOf(entry, touched);
  const copyOnWrite = !shared && inode !== 0;
  const hasObject = type !== "none";
  return {
    start,
    end,
    resident,
    privateResident: pagesOf(entry, "Private_Clean") + pagesOf(entry, "Private_Dirty"),
    object: inode !== 0 ? inode : hasObject ? start : 0,
    rights: rights.slice(0, 3),
    references: hasObject ? 1 : 0,
    shadows: copyOnWrite && anonymous > 0 ? 1 : 0,
    flags: 0,
    copyOnWrite,
    needsCopy: copyOnWrite && anonymous === 0 && payer !== undefined,
    type,
    path: path || undefined,
    payer,
  };
}
