import type { UidInfo } from "../charges/uidinfo.ts";
import type { Job } from "../space/job.ts";
import type { LimitCell } from "../space/limit.ts";
import type { AccountedProcess } from "../space/process.ts";

/** What a process inherits from the process that creates it. */
export interface Inheritance {
  readonly job: Job;
  readonly limit: LimitCell;
  /** Who pays for its memory. Absent: its own real uid. */
  readonly payer?: UidInfo;
}

/** What a child inherits from this process, or from the process of this grant. */
export function inheritanceOf({ space, limit }: Pick<AccountedProcess, "space" | "limit">): Inheritance {
  return { job: space.job, limit, payer: space.payer };
}
