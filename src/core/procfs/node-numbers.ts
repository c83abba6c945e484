import { Errno } from "../base/errno.ts";
import { type NodeNumber, ROOT_NUMBER } from "../vfs/node-number.ts";

/**
 * What a node is, as its number says it. Bits, from the lowest: 2 of its life, 1 curproc, 7 the slot, 22 the process id
 * (above which Linux has none); the upper half is the rest of its life. Process id 0, which no process has, stands for
 * the files beside the processes.
 */
export interface NodeMeaning {
  /** The thread's id where the slot is one of a thread's. */
  readonly pid: number;
  /** Which of the processes that have had that pid: `Process.life`. */
  readonly life: number;
  /** `DIR_SLOT`, or a file's of `table.ts`; the same above `THREAD_SLOT`. */
  readonly slot: number;
  /** It is reached by `curproc`. */
  readonly curproc: boolean;
}

const LIFE_LOW = 4;
const CURPROC = 4;
const SLOT_UNIT = 8;
const SLOTS = 128;
const PID_UNIT = SLOT_UNIT * SLOTS;
const PIDS = 2 ** 22;

/** As much of what tells a process from all others of its pid as numbers hold: 34 bits; of clock ticks, five years. */
export const asLife = (number: number): number => number % (LIFE_LOW * 2 ** 32);

export function nodeNumber({ pid, life, slot, curproc }: NodeMeaning): NodeNumber {
  const low = pid * PID_UNIT + slot * SLOT_UNIT + (curproc ? CURPROC : 0) + (life % LIFE_LOW);
  return { high: Math.floor(life / LIFE_LOW), low };
}

/** ESTALE for a number that {@link nodeNumber} does not make. */
export function nodeMeaning(high: number, low: number): NodeMeaning {
  const pid = Math.floor(low / PID_UNIT);
  const slot = Math.floor(low / SLOT_UNIT) % SLOTS;
  if (slot === 0 || pid >= PIDS || (pid === 0 && high !== 0)) {
    throw new Errno("ESTALE", `there is no node ${high}:${low}`);
  }
  return { pid, life: high * LIFE_LOW + (low % LIFE_LOW), slot, curproc: (low & CURPROC) !== 0 };
}

export const isRoot = (high: number, low: number): boolean => high === ROOT_NUMBER.high && low === ROOT_NUMBER.low;
