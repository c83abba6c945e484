import type { Job } from "./job.ts";
import type { AccountedProcess, SwapLimit } from "./process.ts";

/** Where what cannot be counted again is written down, for whoever goes on when this process is killed. */
export interface Recorder {
  put(key: string, value: Json): void;
  drop(key: string): void;
}

export type Json = number | string | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export const NO_RECORDER: Recorder = { put: () => {}, drop: () => {} };

/** How a record's key begins; what follows is a number or a name. */
export const PROCESS_RECORD = "process ";
export const JOB_RECORD = "job ";
export const OBJECT_RECORD = "object ";
export const OVERCOMMIT_RECORD = "overcommit";

/** Pages, null for no limit. */
type Limit = number | null;

export interface ProcessRecord {
  readonly startTicks: number;
  readonly layout: string;
  readonly startBrk: number;
  readonly soft: Limit;
  readonly hard: Limit;
  readonly job: number;
  readonly payer: number;
  /** Start, end, uid. */
  readonly foreign: readonly (readonly [number, number, number])[];
  readonly launching: boolean;
}

export interface JobRecord {
  readonly soft: Limit;
  readonly hard: Limit;
  readonly budget: Limit;
  readonly around: number | null;
}

export interface ObjectRecord {
  readonly payer: number;
  readonly job: number;
  readonly pages: number;
}

export const orNull = (limit: number): Limit => (limit === Number.POSITIVE_INFINITY ? null : limit);
export const orInfinity = (limit: Limit): number => limit ?? Number.POSITIVE_INFINITY;

export const limitOf = ({ soft, hard }: { readonly soft: Limit; readonly hard: Limit }): SwapLimit => {
  return { soft: orInfinity(soft), hard: orInfinity(hard) };
};

export function processRecord({ startTicks, layout, limit, space, launching }: AccountedProcess): Json {
  return {
    startTicks,
    layout,
    startBrk: space.startBrk,
    soft: orNull(limit.soft),
    hard: orNull(limit.hard),
    job: space.job.id,
    payer: space.payer.uid,
    foreign: space.foreign.map(({ start, end, payer }) => [start, end, payer.uid]),
    launching,
  };
}

export function jobRecord({ limit, budget, around }: Job): Json {
  return { soft: orNull(limit.soft), hard: orNull(limit.hard), budget: orNull(budget), around: around?.id ?? null };
}
