import { Errno } from "../base/errno.ts";
import { type NodeNumber, ROOT_NUMBER } from "../vfs/node-number.ts";

/**
 * What a node is, as its number says it. Bits, from the lowest: 2 of the start time, 1 curproc, 7 the slot, 22 the process id
 * (above which Linux has none); the upper half is the rest of the start time. Process id 0, which no process has, stands for
 * the files beside the processes.
 */
export interface NodeMeaning {
  readonly pid: number;
  /** When the process began: see {@link startOf}. */
  readonly start: number;
  /** `DIR_SLOT`, or a file's of `table.ts`. */
  readonly slot: number;
  /** It is reached by `curproc`. */
  readonly curproc: boolean;
}

const START_LOW = 4;
const CURPROC = 4;
const SLOT_UNIT = 8;
const SLOTS = 128;
const PID_UNIT = SLOT_UNIT * SLOTS;
const PIDS = 2 ** 22;

/** A start time in clock ticks since boot as numbers hold it: it comes again after five years of uptime. */
export const startOf = (ticks: number): number => ticks % (START_LOW * 2 ** 32);

export function nodeNumber({ pid, start, slot, curproc }: NodeMeaning): NodeNumber {
  const low = pid * PID_UNIT + slot * SLOT_UNIT + (curproc ? CURPROC : 0) + (start % START_LOW);
  return { high: Math.floor(start / START_LOW), low };
}

/** ESTALE for a number that {@link nodeNumber} does not make. */
export function nodeMeaning(high: number, low: number): NodeMeaning {
  const pid = Math.floor(low / PID_UNIT);
  const slot = Math.floor(low / SLOT_UNIT) % SLOTS;
  if (slot === 0 || pid >= PIDS || (pid === 0 && high !== 0)) {
    throw new Errno("ESTALE", `there is no node ${high}:${low}`);
  }
  return { pid, start: high * START_LOW + (low % START_LOW), slot, curproc: (low & CURPROC) !== 0 };
}

export const isRoot = (high: number, low: number): boolean => high === ROOT_NUMBER.high && low === ROOT_NUMBER.low;
