import type { UidLimit } from "../charges/uidinfo.ts";
import { UNLIMITED } from "../charges/unlimited.ts";
import type { Accounts } from "./accounts.ts";
import { JOB_RECORD, jobRecord } from "./records.ts";

/** What the administrator lets a uid have, pages. */
export interface UidAllowance {
  /** In all; undefined: no limit. */
  readonly swap: UidLimit | undefined;
  /** In each of its sessions. */
  readonly session: number;
}

/** undefined for a uid of which nothing is said. */
export type UidPolicy = (uid: number) => UidAllowance | undefined;

/** What is allowed from now on, of whoever is here or still to come. Who has more keeps it, and gets no more. */
export function applyPolicy({ uids, jobs, recorder }: Accounts, policy: UidPolicy): void {
  uids.setLimits((uid) => policy(uid)?.swap);
  for (const job of jobs) {
    if (job.sessionOf === undefined) continue;
    const most = policy(job.sessionOf)?.session ?? UNLIMITED;
    if (most === job.most) continue;
    job.most = most;
    recorder.put(JOB_RECORD + job.id, jobRecord(job));
  }
}
