import type { UidInfo } from "../charges/uidinfo.ts";
import type { Job } from "./job.ts";
import type { LimitCell } from "./limit.ts";
import type { AccountedProcess } from "./process.ts";

/** What a process inherits from whoever made it. */
export interface Inheritance {
  readonly job: Job;
  readonly limit: LimitCell;
  /** Absent: its real uid. */
  readonly payer?: UidInfo;
}

/** What a child gets of a process, or of the process that was granted something. */
export function inheritanceOf({ space, limit }: Pick<AccountedProcess, "space" | "limit">): Inheritance {
  return { job: space.job, limit, payer: space.payer };
}
