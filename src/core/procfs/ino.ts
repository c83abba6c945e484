import type { Pid, Tid } from "../base/brand.ts";

/** The root's inode number. */
export const ROOT_INO = 2;

/** The slot of a process's directory; its files have the slots of `table.ts`, docs/semantics.md, "Inode numbers". */
export const DIR_SLOT = 1;

/** The first slot of the nodes that came after 1993, and how many each process has room for. */
export const LATER_SLOT = 9;
const LATER_SLOTS = 64;
/** Where their numbers begin: above all that the numbering of 1993 can reach. */
const LATER_INO = 2 ** 32;
/** Nodes of a thread have the slots of the same files of a process, moved up by this; the number is the thread's. */
export const THREAD_SLOT = 64;
/** Where their numbers begin: above those of all processes. */
const THREAD_INO = 2 ** 33;

/**
 * The inode numbers of 1993: eight for each process; the last file of a process lies in the next one's unused slot 0. Later
 * nodes have a range of their own.
 */
export function inoOf(pid: Pid | Tid, slot: number): number {
  if (slot >= THREAD_SLOT) return THREAD_INO + LATER_SLOTS * pid + slot - THREAD_SLOT;
  return slot < LATER_SLOT ? 8 * (pid + 1) + slot : LATER_INO + LATER_SLOTS * pid + slot - LATER_SLOT;
}

/** A file of the root: as if it were one of a process 0, which Linux does not have. */
export function rootFileIno(slot: number): number {
  return inoOf(0 as Pid, slot);
}
