import { ObjectGrant } from "../grants/grant.ts";
import {
  FORK_RECORD,
  type ForkRecord,
  type InheritanceRecord,
  JOB_RECORD,
  type JobRecord,
  type Json,
  limitOf,
  OBJECT_RECORD,
  type ObjectRecord,
  OVERCOMMIT_RECORD,
  orInfinity,
  orNull,
  PROCESS_RECORD,
  type ProcessRecord,
  UNSEEN_RECORD,
  type UnseenRecord,
  VFORK_CHILD_RECORD,
} from "../grants/records.ts";
import type { Inheritance } from "../population/inheritance.ts";
import { Job } from "../space/job.ts";
import type { LimitCell } from "../space/limit.ts";
import type { Image } from "../space/ports.ts";
import type { AccountedProcess } from "../space/process.ts";
import type { Accounts } from "./accounts.ts";
import { share } from "./operations-of-sharing.ts";

/** The records whose keys begin with `prefix`, each with the rest of its key. */
function* under<T>(records: ReadonlyMap<string, Json>, prefix: string): Iterable<[string, T]> {
  for (const [key, value] of records) if (key.startsWith(prefix)) yield [key.slice(prefix.length), value as T];
}

/** The jobs of the records, by number; each refers to the job around it. */
function jobsOf(records: ReadonlyMap<string, Json>): Map<number, Job> {
  const jobs = new Map<number, Job>();
  const byId = new Map([...under<JobRecord>(records, JOB_RECORD)].map(([id, record]) => [Number(id), record]));
  const make = (id: number): Job | undefined => {
    const known = jobs.get(id);
    const record = byId.get(id);
    if (known || !record) return known;
    const around = record.around === null ? undefined : make(record.around);
    const job = new Job(id, limitOf(record), orInfinity(record.budget), around, record);
    jobs.set(id, job);
    return job;
  };
  for (const id of byId.keys()) make(id);
  return jobs;
}

/**
 * Restores the accounts of a daemon that was killed: its journal records say who pays, the kernel's maps say how much. Returns the jobs by
 * number. To be called once, on empty accounts, before any notification is received. This daemon may be killed in the middle of it, too: a
 * record is dropped only when another record stands for it.
 */
export function recover(accounts: Accounts, records: ReadonlyMap<string, Json>): ReadonlyMap<number, Job> {
  const { population, targets, objects, grants, ledger, uids, recorder } = accounts;
  const overcommit = records.get(OVERCOMMIT_RECORD);
  if (typeof overcommit === "number") ledger.overcommit = overcommit;
  const jobs = jobsOf(records);
  for (const job of jobs.values()) accounts.jobs.add(job);
  const jobOf = (id: number): Job => jobs.get(id) ?? accounts.rootJob;
  // Processes of one job that had the same limit share one cell again.
  const cells = new Map<string, LimitCell>();
  const cellOf = ({ soft, hard, job }: InheritanceRecord): LimitCell => {
    const key = `${job} ${soft} ${hard}`;
    const { limit } = jobOf(job);
    const cell =
      cells.get(key) ?? (orNull(limit.soft) === soft && orNull(limit.hard) === hard ? limit : limitOf({ soft, hard }));
    cells.set(key, cell);
    return cell;
  };
  const inheritanceFrom = (record: InheritanceRecord): Inheritance => {
    return { limit: cellOf(record), job: jobOf(record.job), payer: uids.find(record.payer) };
  };

  for (const [key, { payer, job, pages }] of under<ObjectRecord>(records, OBJECT_RECORD)) {
    objects.restore(key, uids.find(payer), jobOf(job), pages);
  }

  for (const [pid, record] of under<InheritanceRecord>(records, VFORK_CHILD_RECORD)) {
    // A later process with this pid is not under a filter, unless it is accounted, too.
    if (targets.ids(Number(pid))?.filtered) accounts.arrivals.expect(Number(pid), inheritanceFrom(record));
    else recorder.drop(VFORK_CHILD_RECORD + pid);
  }

  // An unknown process has the image of the process that forked it, which may have exited.
  const knownImages: KnownImage[] = [];
  // The keys of records that other records stand for by now.
  const obsolete: string[] = [];
  for (const [name, record] of under<ForkRecord>(records, FORK_RECORD)) {
    knownImages.push({ layout: record.layout, inheritance: inheritanceFrom(record), isOfFork: true });
    grants.continueAfter(Number(name));
    obsolete.push(FORK_RECORD + name);
  }
  for (const [name, record] of under<ProcessRecord>(records, PROCESS_RECORD)) {
    const pid = Number(name);
    const inheritance = inheritanceFrom(record);
    knownImages.push({ layout: record.layout, inheritance, isOfFork: false });
    const image = targets.image(pid);
    // A process whose image has not been read is taken for the recorded one. If its pid was reused, the first image tells.
    if (image ? image.startTicks !== record.startTicks : !targets.ids(pid)?.filtered) {
      obsolete.push(PROCESS_RECORD + name);
      continue;
    }
    if (image) knownImages.push({ layout: image.layout, inheritance, isOfFork: false });
    const process = restore(accounts, pid, record, inheritance);
    // Its pages are charged now, so that nobody else is granted them before its map is there.
    if (!image && !process.launching) population.countAll(process);
  }
  for (let found = true; found; ) {
    found = false;
    for (const pid of targets.pids()) {
      const image = population.find(pid) ? undefined : targets.image(pid);
      const process = image && registerUnrecorded(accounts, pid, image, knownImages);
      if (!process) continue;
      found = true;
      // An exec or a change of the uid may have been allowed before.
      population.execs(process, "unknown");
      population.changesUid(process, "unknown");
    }
  }
  const unseen = [...under<UnseenRecord>(records, UNSEEN_RECORD)];
  for (const [name] of unseen) grants.continueAfter(Number(name));
  for (const [name, record] of unseen) {
    restoreUnseen(accounts, record, jobOf(record.job));
    obsolete.push(UNSEEN_RECORD + name);
  }
  for (const key of obsolete) recorder.drop(key);
  accounts.readAllMaps();
  objects.dropUnused();
  return jobs;
}

/** The image of a recorded process or fork, and what a forked child of that image inherits. */
interface KnownImage {
  readonly layout: string;
  /** The record is that of an open fork: it tells more about the child than the parent's present state. */
  readonly isOfFork: boolean;
  readonly inheritance: Inheritance;
}

/** Registers a process without a record: a child of a registered process, or a process of a known image whose parent has exited. */
function registerUnrecorded(
  { population, arrivals, targets, rootJob }: Accounts,
  pid: number,
  image: Image,
  knownImages: readonly KnownImage[],
): AccountedProcess | undefined {
  const parent = population.find(image.ppid);
  const isChild = parent !== undefined;
  const inheritance = knownImages.find(
    ({ layout, isOfFork }) => layout === image.layout && (isOfFork || !isChild),
  )?.inheritance;
  if (!(isChild || inheritance) || !targets.ids(pid)?.filtered) return undefined;
  const sharer = population.memorySharerOf(pid, image.layout);
  if (sharer) {
    const { limit } = parent?.space === sharer.space ? parent : sharer;
    return population.record(population.arrive(pid, image, sharer.space, limit));
  }
  return arrivals.register(pid, inheritance ?? { job: rootJob, limit: rootJob.limit });
}

/** Restores an open grant of shared memory; the next read of the map finds it or gives it back. */
function restoreUnseen(accounts: Accounts, record: UnseenRecord, job: Job): void {
  const { population, objects, grants, uids } = accounts;
  const { key, creator, sharers = [], pages, payer } = record;
  // The creator may have executed another program or exited: then a process that shared its space maps the memory.
  const process = [creator, ...sharers].map((pid) => population.find(pid)).find((each) => each !== undefined);
  if (key !== null) objects.restoreSegment(key, creator, pages, uids.find(payer), job);
  else if (process) {
    const object = objects.charge({ payer: uids.find(payer), job }, pages);
    grants.open(new ObjectGrant(process, { tid: 0, number: 0 }, share, object));
  }
}

/** Registers the process of a record, uncharged: its map is read later. */
function restore(
  accounts: Accounts,
  pid: number,
  record: ProcessRecord,
  { job, limit }: Inheritance,
): AccountedProcess {
  const { population, uids } = accounts;
  const { startTicks, layout, startBrk, payer, nextPayer, foreign, launching } = record;
  const image = { startTicks, layout };
  const process: AccountedProcess = population.restore(pid, image, payer, job, limit);
  process.space.heap.beginRunning(startBrk);
  // Two processes that share an address space, as after vfork, share one Space again.
  const sharer = population.memorySharerOf(pid, layout);
  if (sharer) population.shareSpace(process, sharer.space);
  else process.space.restoreForeign(foreign.map(([start, end, uid]) => ({ start, end, payer: uids.find(uid) })));
  process.launching = launching;
  if (typeof nextPayer === "number") process.nextPayer = uids.find(nextPayer);
  // Both may have happened since the record was written.
  population.execs(process, "unknown");
  population.changesUid(process, "unknown");
  return process;
}
