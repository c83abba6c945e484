import type { UidInfo } from "../charges/uidinfo.ts";
import type { Job } from "../space/job.ts";
import type { LimitCell, SwapLimit } from "../space/limit.ts";
import type { AccountedProcess } from "../space/process.ts";
import type { ForkGrant, ObjectGrant } from "./grant.ts";

/**
 * The journal: what a successor cannot find out by itself when this daemon is killed. A call takes effect at once: a kill after it finds
 * the record.
 */
export interface Recorder {
  /** Writes the record of a key; replaces the one before. An object that is put twice must not have changed in between. */
  put(key: string, value: Json): void;
  /** Removes the record of a key, if there is one. */
  drop(key: string): void;
}

export type Json = number | string | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export const NO_RECORDER: Recorder = { put: () => {}, drop: () => {} };

/** The beginnings of keys. A pid, a job's number or an object's name follows. */
export const PROCESS_RECORD = "process ";
export const JOB_RECORD = "job ";
export const OBJECT_RECORD = "object ";
/** The beginnings of keys of open grants, a fork and shared memory: a running number follows. */
export const FORK_RECORD = "fork ";
export const UNSEEN_RECORD = "unseen ";
/** A vfork child that was allowed to exec before it was registered: its pid follows. */
export const VFORK_CHILD_RECORD = "borrower ";
export const OVERCOMMIT_RECORD = "overcommit";

/** Pages, null for no limit. */
type Limit = number | null;

/** A registered process. How much it has reserved is read from its map again. */
export interface ProcessRecord {
  /** With the pid it identifies the process. */
  readonly startTicks: number;
  readonly layout: string;
  /** An address. */
  readonly startBrk: number;
  readonly soft: Limit;
  readonly hard: Limit;
  /** The number of its job. */
  readonly job: number;
  /** A uid. */
  readonly payer: number;
  /** The uid that pays from the next exec on, where it is another. Absent in records of older versions. */
  readonly nextPayer?: number | null;
  /** Start page, end page and uid of each range that an earlier uid pays for. */
  readonly foreign: readonly (readonly [number, number, number])[];
  /** It is a launcher that has not executed its command. */
  readonly launching: boolean;
}

/** A job; its number is in the key. */
export interface JobRecord {
  readonly soft: Limit;
  readonly hard: Limit;
  readonly budget: Limit;
  /** The number of the job around it. */
  readonly around: number | null;
  /** The uid whose session it is. Absent where it is none, and in records of older versions. */
  readonly sessionOf?: number;
  /** The container whose job it is. Absent where it is none. */
  readonly container?: string;
  readonly label?: string;
  readonly root?: number;
}

/** What a process inherits that has not been registered. */
export type InheritanceRecord = {
  readonly soft: Limit;
  readonly hard: Limit;
  readonly job: number;
  readonly payer: number;
};

/** An open fork. `layout`: that of the parent's image, which the child has, too. */
export type ForkRecord = InheritanceRecord & { readonly layout: string };

/** An open grant of shared memory: a System V segment where there is a key, else anonymous memory. */
export interface UnseenRecord extends ObjectRecord {
  readonly key: number | null;
  /** The pid of the process that was granted it. */
  readonly creator: number;
  /** The pids of the processes that share the creator's space: their maps show it, too. Absent in records of older versions. */
  readonly sharers?: readonly number[];
}

/** A charged shared object; its name is in the key. */
export interface ObjectRecord {
  /** A uid. */
  readonly payer: number;
  /** The number of a job. */
  readonly job: number;
  readonly pages: number;
}

/** JSON has no Infinity: a limit of pages in memory and in a record. */
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

export function jobRecord({ limit, most, around, sessionOf, container, label, root }: Job): Json {
  const { soft, hard } = limit;
  return {
    ...{ soft: orNull(soft), hard: orNull(hard), budget: orNull(most), around: around?.id ?? null },
    ...(sessionOf === undefined ? {} : { sessionOf }),
    ...(container === undefined ? {} : { container }),
    ...(label === undefined ? {} : { label }),
    ...(root === undefined ? {} : { root }),
  };
}
