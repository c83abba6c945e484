import { Errno } from "../../core/base/errno.ts";
import type { Job } from "../../core/space/job.ts";
import type { AccountedProcess } from "../../core/space/process.ts";

/** How much one uid may have under the accounting of another user's daemon: adopted trees, and processes in all. */
export interface AdoptionQuota {
  readonly adopted: number;
  readonly accounted: number;
}

function outermost(job: Job): Job {
  let each = job;
  while (each.around) each = each.around;
  return each;
}

/** EAGAIN when `uid` has as much under the accounting of another user's daemon as one uid may. */
export function refuseAdoptions(population: Iterable<AccountedProcess>, uid: number, most: AdoptionQuota): void {
  // An adopted process and its children are in the job of one listener, or in jobs inside that.
  const trees = new Set<Job>();
  let processes = 0;
  for (const { space } of population) {
    if (space.payer.uid !== uid) continue;
    processes++;
    trees.add(outermost(space.job));
  }
  const [count, what] =
    trees.size >= most.adopted
      ? [trees.size, "processes with their children"]
      : processes >= most.accounted
        ? [processes, "processes"]
        : [0, ""];
  if (count === 0) return;
  throw new Errno(
    "EAGAIN",
    `uid ${uid} has ${count} ${what} under this daemon's accounting, as many as it takes of another user; start what is to be accounted by lyonnais run`,
  );
}
