import type { UidInfo } from "../charges/uidinfo.ts";
import type { ForkGrant, ObjectGrant } from "./grant.ts";
import type { Job } from "./job.ts";
import type { LimitCell, SwapLimit } from "./limit.ts";
import type { AccountedProcess } from "./process.ts";

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
/** What was allowed and may not have been seen yet: a fork, shared memory; a process that execs in memory it was lent. */
export const FORK_RECORD = "fork ";
export const UNSEEN_RECORD = "unseen ";
export const VFORK_CHILD_RECORD = "borrower ";
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
  /** Who pays for its next program, where that is another: absent in records of daemons before. */
  readonly nextPayer?: number | null;
  /** Start, end, uid. */
  readonly foreign: readonly (readonly [number, number, number])[];
  readonly launching: boolean;
}

export interface JobRecord {
  readonly soft: Limit;
  readonly hard: Limit;
  readonly budget: Limit;
  readonly around: number | null;
  /** Absent in records of daemons before. */
  readonly sessionOf?: number;
  readonly container?: string;
}

/** Of a process that nobody has seen: what it inherits. */
export type InheritanceRecord = {
  readonly soft: Limit;
  readonly hard: Limit;
  readonly job: number;
  readonly payer: number;
};

/** `layout`: the image that the child has in common with its parent. */
export type ForkRecord = InheritanceRecord & { readonly layout: string };

/** Anonymous memory of this process where there is no key, else the segment that it has made with this key and size. */
export interface UnseenRecord extends ObjectRecord {
  readonly key: number | null;
  readonly creator: number;
  /** Who else has the creator's memory, where it may be mapped: absent in records of daemons before. */
  readonly sharers?: readonly number[];
}

export interface ObjectRecord {
  readonly payer: number;
  readonly job: number;
  readonly pages: number;
}

export const orNull = (limit: number): Limit => (limit === Number.POSITIVE_INFINITY ? null : limit);
export const orInfinity = (limit: Limit): number => limit ?? Number.POSITIVE_INFINITY;

export const limitOf = ({ soft, hard }: { readonly soft: Limit; readonly hard: Limit }): LimitCell => {
  return { soft: orInfinity(soft), hard: orInfinity(hard) };
};

export function processRecord({ startTicks, layout, limit, space, nextPayer, launching }: AccountedProcess): Json {
  return {
    startTicks,
    layout,
    startBrk: space.heap.start,
    soft: orNull(limit.soft),
    hard: orNull(limit.hard),
    job: space.job.id,
    payer: space.payer.uid,
    nextPayer: nextPayer?.uid ?? null,
    foreign: space.lastingForeign.map(({ start, end, payer }) => [start, end, payer.uid]),
    launching,
  };
}

export function inheritanceRecord(limit: SwapLimit, job: Job, payer: UidInfo): InheritanceRecord {
  return { soft: orNull(limit.soft), hard: orNull(limit.hard), job: job.id, payer: payer.uid };
}

export function forkRecord({ limit, child, layout }: ForkGrant): Json {
  return { ...inheritanceRecord(limit, child.job, child.payer), layout };
}

export function unseenRecord({ process, key, space, object: { payer, job, pages } }: ObjectGrant): Json {
  const sharers = [...space.pids].filter((pid) => pid !== process.pid);
  return { payer: payer.uid, job: job.id, pages, key: key ?? null, creator: process.pid, sharers };
}

export function jobRecord({ limit, most, around, sessionOf, container }: Job): Json {
  const { soft, hard } = limit;
  return {
    ...{ soft: orNull(soft), hard: orNull(hard), budget: orNull(most), around: around?.id ?? null },
    ...(sessionOf === undefined ? {} : { sessionOf }),
    ...(container === undefined ? {} : { container }),
  };
}
