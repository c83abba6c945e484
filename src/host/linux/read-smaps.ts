import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { parseSmaps, type SmapsEntry } from "../../core/abi/text/smaps.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import type { Quota } from "../../core/procfs/quotas.ts";
import { readLongText, readTextAt } from "./file.ts";

const ATTEMPTS = 4;

/**
 * Every mapping of a process, whose directory or thread's directory in /proc that is: of one moment where it can be had. The kernel hands the text out in pieces, and the process goes on
 * between two of them: what grows meanwhile is told twice, what moves perhaps not at all. So it is read again until it adds up to
 * the kernel's own total; of a process that never holds still, what was told twice is cut. ENOENT, ESRCH: gone; EACCES; EMFILE where the kernel's text
 * has more bytes than `room`, if any.
 */
export function readSmaps(dir: string, room?: Quota): SmapsEntry[] {
  for (let attempt = 1; ; attempt++) {
    const entries = parseSmaps(readLongText(`${dir}/smaps`, room));
    const total = Number.parseInt(readTextAt(AT_FDCWD, `${dir}/statm`, "statm"), 10);
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
