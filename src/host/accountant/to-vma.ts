import type { SmapsEntry } from "../../core/abi/text/smaps.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import { ANONYMOUS, SEGMENT } from "../../core/grants/shared-objects.ts";
import type { Vma } from "../../core/space/ports.ts";
import { memoryFileName } from "./memory-file.ts";

/** A VMA as accounting sees it, from an entry of smaps. */
export function toVma(entry: SmapsEntry): Vma {
  const { start, end, rights, flags, offset, path } = entry;
  const has = (flag: string): boolean => flags.includes(`${flag} `);
  const shared = rights.endsWith("s");
  const pages = (end - start) / PAGE_SIZE;
  return {
    start: start / PAGE_SIZE,
    end: end / PAGE_SIZE,
    accounted: has("ac"),
    accountable: !(shared || has("nr") || has("ht") || has("io") || has("pf")),
    dontCopy: has("dc"),
    stack: has("gd"),
    heap: path === "[heap]",
    named: path.startsWith("[anon:"),
    hidden: false,
    object: shared ? objectName(entry) : undefined,
    objectPages: offset / PAGE_SIZE + pages,
  };
}

/** The key of a mapped shared object. The kernel shows anonymous memory and segments as unlinked files; a segment's inode is its id. */
function objectName({ path, device, inode }: SmapsEntry): string | undefined {
  if (path === "/dev/zero (deleted)") return `${ANONYMOUS}${device}:${inode}`;
  if (/^\/SYSV[0-9a-f]{8} \(deleted\)$/.test(path)) return SEGMENT + inode;
  if (!path.startsWith("/memfd:") && !path.startsWith("/dev/shm/")) return undefined;
  const [major, minor] = device.split(":").map((part) => Number.parseInt(part, 16));
  return memoryFileName(major!, minor!, inode);
}
