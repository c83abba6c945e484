import { UNLIMITED } from "../charges/unlimited.ts";

/** RLIMIT_SWAP: pages, Infinity for none. */
export interface SwapLimit {
  readonly soft: number;
  readonly hard: number;
}

export const NO_LIMIT: SwapLimit = Object.freeze({ soft: UNLIMITED, hard: UNLIMITED });

/**
 * The limit of a tree of processes. One object is shared by all that inherited it: processes, open forks and vforks, and the job, for
 * processes without a known parent. A process that is given another limit gets a new cell, and so do its children from then on.
 */
export interface LimitCell {
  soft: number;
  hard: number;
}

export function limitCell({ soft, hard }: SwapLimit = NO_LIMIT): LimitCell {
  return { soft, hard };
}
