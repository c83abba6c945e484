import type { UidLimit } from "../charges/uidinfo.ts";
import { UNLIMITED } from "../charges/unlimited.ts";
import { JOB_RECORD, jobRecord } from "../grants/records.ts";
import { NO_LIMIT } from "../space/limit.ts";
import type { Accounts } from "./accounts.ts";

/** What the administrator lets a uid reserve: pages. */
export interface UidAllowance {
  /** In all of its processes; undefined for no limit. */
  readonly swap: UidLimit | undefined;
  /** In each of its login sessions; Infinity for no budget. */
  readonly session: number;
}

/** The allowance of a uid; undefined for a uid that the policy does not name. */
export type UidPolicy = (uid: number) => UidAllowance | undefined;

/** Applies a policy to present and later processes. Whoever has reserved more keeps that and is refused more. */
export function applyPolicy({ uids, jobs, recorder, witness }: Accounts, policy: UidPolicy): void {
  uids.setLimits((uid) => policy(uid)?.swap);
  witness.limited("policy", NO_LIMIT);
  for (const job of jobs) {
    if (job.sessionOf === undefined) continue;
    const most = policy(job.sessionOf)?.session ?? UNLIMITED;
    if (most === job.most) continue;
    job.most = most;
    recorder.put(JOB_RECORD + job.id, jobRecord(job));
  }
}
