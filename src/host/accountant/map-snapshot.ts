import type { SmapsEntry } from "../../core/abi/text/smaps.ts";
import { isErrno } from "../../core/base/errno.ts";
import type { Vma } from "../../core/space/ports.ts";
import { readSmaps } from "../linux/read-smaps.ts";
import { ifReadable, otherThread, readSize, type Size } from "./sizes.ts";
import { toVma } from "./to-vma.ts";
import { merged } from "./vma-codec.ts";

/** The map of a process, and the figures of `statm` right after it was read. Neighbouring VMAs that are charged alike are one. */
export interface MapSnapshot {
  readonly size: Size;
  /** Undefined: the process is gone. */
  readonly vmas: readonly Vma[] | undefined;
}

const HIDDEN = { accountable: true, dontCopy: false, stack: false, heap: false, named: false, object: undefined };

/**
 * Reads the map of a process. Slow, and blocks while somebody holds the locks of its memory (mmap_lock, exec_update_lock). A process that
 * hides its map from us, as a set-id program does from its user, gets one `hidden` VMA as long as its data pages. Errno for anything else.
 */
export function readSnapshot(pid: number): MapSnapshot {
  const size = sizeOf(pid);
  if (!size) return { size: { total: 0, data: 0, resident: 0 }, vmas: undefined };
  try {
    const entries = readSmaps(pid);
    const ofThread = (_pid: number, tid: number): SmapsEntry[] => readSmaps(pid, { tid });
    const all = entries.length > 0 ? entries : (otherThread(pid, ofThread, ({ length }) => length > 0)?.found ?? []);
    return { size: sizeOf(pid) ?? size, vmas: merged(all.map(toVma)) };
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH")) return { size, vmas: undefined };
    if (!isErrno(error, "EACCES", "EPERM")) throw error;
    return { size, vmas: [{ start: 0, end: size.data, accounted: true, hidden: true, objectPages: 0, ...HIDDEN }] };
  }
}

/** The figures of `statm`, which never blocks: pages. Undefined: the process is gone, or does not let itself be read. */
export function sizeOf(pid: number): Size | undefined {
  const size = ifReadable(() => readSize(pid));
  return !size || size.total > 0 ? size : (otherThread(pid, readSize, ({ total }) => total > 0)?.found ?? size);
}
