import type { Accounts } from "./accounts.ts";
import { Job } from "./job.ts";
import type { Image } from "./ports.ts";
import type { AccountedProcess } from "./process.ts";
import {
  JOB_RECORD,
  type JobRecord,
  type Json,
  limitOf,
  OBJECT_RECORD,
  type ObjectRecord,
  OVERCOMMIT_RECORD,
  orInfinity,
  PROCESS_RECORD,
  type ProcessRecord,
} from "./records.ts";

/** The records under keys that begin so, by what follows. */
function* under<T>(records: ReadonlyMap<string, Json>, prefix: string): Iterable<[string, T]> {
  for (const [key, value] of records) if (key.startsWith(prefix)) yield [key.slice(prefix.length), value as T];
}

/** The jobs of the records, each inside the one around it. */
function jobsOf(records: ReadonlyMap<string, Json>): Map<number, Job> {
  const jobs = new Map<number, Job>();
  const byId = new Map([...under<JobRecord>(records, JOB_RECORD)].map(([id, record]) => [Number(id), record]));
  const make = (id: number): Job | undefined => {
    const known = jobs.get(id);
    const record = byId.get(id);
    if (known || !record) return known;
    const around = record.around === null ? undefined : make(record.around);
    const job = new Job(id, limitOf(record), orInfinity(record.budget), around);
    jobs.set(id, job);
    return job;
  };
  for (const id of byId.keys()) make(id);
  return jobs;
}

/**
 * Goes on where a process that was killed left the accounts: what is written down says whose the charges are, the kernel's maps
 * how much there is. Returns the jobs by number. To be called before any notification is taken.
 */
export function recover(accounts: Accounts, records: ReadonlyMap<string, Json>): ReadonlyMap<number, Job> {
  const { population, targets, objects, ledger } = accounts;
  const overcommit = records.get(OVERCOMMIT_RECORD);
  if (typeof overcommit === "number") ledger.overcommit = overcommit;
  const jobs = jobsOf(records);
  for (const job of jobs.values()) accounts.jobs.add(job);
  const jobOf = (id: number): Job => jobs.get(id) ?? accounts.rootJob;

  for (const [key, { payer, job, pages }] of under<ObjectRecord>(records, OBJECT_RECORD)) {
    objects.restore(key, accounts.uids.find(payer), jobOf(job), pages);
  }

  // Of a process that has exited there may be children whom nobody has met.
  const families: Family[] = [];
  for (const [name, record] of under<ProcessRecord>(records, PROCESS_RECORD)) {
    const pid = Number(name);
    families.push({ layout: record.layout, record });
    const image = targets.image(pid);
    if (image?.startTicks !== record.startTicks) {
      population.forgetRecord(pid);
      continue;
    }
    families.push({ layout: image.layout, record });
    restore(accounts, pid, record, jobOf(record.job));
  }
  for (let found = true; found; ) {
    found = false;
    for (const pid of targets.pids()) {
      const image = population.find(pid) ? undefined : targets.image(pid);
      const process = image && meet(accounts, pid, image, families, jobOf);
      if (!process) continue;
      found = true;
      // It may have been let go to become another program.
      process.execs = 0;
    }
  }
  accounts.lookAtAll();
  objects.dropUnused();
  return jobs;
}

/** A process that was written down, or its image now: children that have not become another program have the same. */
interface Family {
  readonly layout: string;
  readonly record: ProcessRecord;
}

/** Somebody of whom nothing is written down: the child of one that is known, or, that one being gone, one of its family. */
function meet(
  { population, arrivals, targets, rootJob }: Accounts,
  pid: number,
  image: Image,
  families: readonly Family[],
  jobOf: (id: number) => Job,
): AccountedProcess | undefined {
  const isChild = population.find(image.ppid) !== undefined;
  const record = families.find(({ layout }) => layout === image.layout)?.record;
  if (!(isChild || record) || !targets.ids(pid)?.filtered) return undefined;
  if (isChild || !record) return arrivals.meet(pid, rootJob);
  return arrivals.meet(pid, jobOf(record.job), limitOf(record));
}

function restore(accounts: Accounts, pid: number, record: ProcessRecord, job: Job): void {
  const { population, targets, uids } = accounts;
  const { startTicks, layout, startBrk, payer, foreign, launching } = record;
  const image = { startTicks, layout };
  const process: AccountedProcess = population.restore(pid, image, payer, job, limitOf(record));
  process.space.startBrk = startBrk;
  // A memory that two processes have, as after vfork, is one.
  const twin = [...population].find((other) => other !== process && targets.sharesMemory(other.pid, pid));
  if (twin) population.shareSpace(process, twin.space);
  else process.space.restoreForeign(foreign.map(([start, end, uid]) => ({ start, end, payer: uids.find(uid) })));
  process.launching = launching;
  // Whatever may have happened since it was written down.
  process.execs = process.changesUid = 0;
}
