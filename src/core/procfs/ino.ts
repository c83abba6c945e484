import type { Pid } from "../base/brand.ts";

/** The root's inode number. */
export const ROOT_INO = 2;

/** The slot of a process's directory; its files have the slots of `table.ts`, semantics section 4. */
export const DIR_SLOT = 1;

/** The inode numbers of 1993: eight for each process. The last file of a process lies in the next one's unused slot 0. */
export function inoOf(pid: Pid, slot: number): number {
  return 8 * (pid + 1) + slot;
}
