import { parseSmaps, type SmapsEntry } from "../../core/abi/text/smaps.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import type { Quota } from "../../core/procfs/quotas.ts";
import { readLongText } from "./file.ts";
import { procPath, promptText } from "./proc-file.ts";

const ATTEMPTS = 4;

/**
 * Every VMA of process `pid`, read through its thread `tid` if given, as of one moment where possible. The kernel returns smaps in pieces,
 * and the process runs on in between: a VMA that grows meanwhile appears twice, one that moves perhaps not at all. So the text is read
 * again until its VMAs add up to the total in `statm`; of a process that never holds still, what appears twice is cut. The read may block.
 * ENOENT, ESRCH: the process is gone. EACCES. EMFILE: the text has more bytes than `room`.
 */
export function readSmaps(
  pid: number,
  { tid, room }: { readonly tid?: number; readonly room?: Quota } = {},
): SmapsEntry[] {
  for (let attempt = 1; ; attempt++) {
    const entries = parseSmaps(readLongText(procPath(pid, "smaps", tid), room));
    const total = Number.parseInt(promptText(pid, "statm", tid), 10);
    if (pagesOf(entries) === total) return entries;
    if (attempt === ATTEMPTS) return withoutOverlap(entries);
  }
}

/** The kernel's own page for old programs belongs to no process. */
function pagesOf(entries: readonly SmapsEntry[]): number {
  return entries.reduce((sum, { start, end, path }) => sum + (path === "[vsyscall]" ? 0 : end - start), 0) / PAGE_SIZE;
}

export function withoutOverlap(entries: readonly SmapsEntry[]): SmapsEntry[] {
  let reached = 0;
  return entries.flatMap((entry) => {
    const start = Math.max(entry.start, reached);
    if (start >= entry.end) return [];
    reached = entry.end;
    return [{ ...entry, start }];
  });
}
