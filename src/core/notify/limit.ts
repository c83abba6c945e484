import { UNLIMITED } from "../charges/unlimited.ts";

/** RLIMIT_SWAP: pages. */
export interface SwapLimit {
  readonly soft: number;
  readonly hard: number;
}

export const NO_LIMIT: SwapLimit = Object.freeze({ soft: UNLIMITED, hard: UNLIMITED });

/**
 * The limit of a tree of processes: one object for all who have inherited it, also for those who are still to come: forks and
 * loans that are open, strangers to the tree. Who is given another limit has a cell of its own from then on, and so have its children.
 */
export interface LimitCell {
  soft: number;
  hard: number;
}

export function limitCell({ soft, hard }: SwapLimit = NO_LIMIT): LimitCell {
  return { soft, hard };
}
