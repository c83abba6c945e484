import { parseSmaps, type SmapsEntry } from "../../core/abi/text/smaps.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import type { Quota } from "../../core/procfs/quotas.ts";
import { readLongText } from "./file.ts";
import { procPath, promptText } from "./proc-file.ts";

const ATTEMPTS = 4;

/**
 * Every mapping of process `pid`, as its thread `tid` has it if that is given, of one moment where that can be had. The kernel hands the
 * text out in pieces, and the process runs on between two of them: a mapping that grows meanwhile is told twice, one that moves perhaps
 * not at all. So the text is read again until its mappings add up to the kernel's own total; for a process that never holds still, what
 * was told twice is cut. It can wait for the process. ENOENT and ESRCH: the process is gone; EACCES; EMFILE where the kernel's text has
 * more bytes than `room`, if any.
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
