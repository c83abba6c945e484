import { UNLIMITED } from "../charges/unlimited.ts";
import { JOB_RECORD, jobRecord } from "../grants/records.ts";
import { type LimitCell, NO_LIMIT } from "../space/limit.ts";
import type { Accounts } from "./accounts.ts";

/** Lifts all limits and budgets, of processes that exist and of unfound children. Reservations are still counted. */
export function liftLimits(accounts: Accounts): void {
  const { population, arrivals, grants, jobs, recorder } = accounts;
  const lift = (limit: LimitCell): void => void Object.assign(limit, NO_LIMIT);
  for (const job of jobs) {
    lift(job.limit);
    job.most = UNLIMITED;
    recorder.put(JOB_RECORD + job.id, jobRecord(job));
  }
  for (const { limit } of [...grants.forks, ...grants.vforks]) lift(limit);
  for (const [, { limit }] of arrivals.expected) lift(limit);
  for (const process of population) {
    lift(process.limit);
    population.record(process);
  }
  accounts.setOvercommit(0);
}
