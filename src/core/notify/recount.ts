import type { UidInfo } from "../vm/uidinfo.ts";
import type { Accounts } from "./accounts.ts";
import type { Job } from "./job.ts";
import type { Space } from "./space.ts";

/** Counts everything again from what holds a charge; a line for each total that differs. */
export function recount({ population, grants, jobs, objects, ledger, uids, disks }: Accounts): string[] {
  const byUid = new Map<UidInfo, number>();
  const byJob = new Map<Job, number>();
  const spaces = new Set<Space>();
  for (const { space } of population) spaces.add(space);
  for (const { child } of grants.forks) spaces.add(child);
  const count = (payer: UidInfo, pages: number): void => void byUid.set(payer, (byUid.get(payer) ?? 0) + pages);
  const countJob = (job: Job, pages: number): void => {
    for (let each: Job | undefined = job; each; each = each.around) byJob.set(each, (byJob.get(each) ?? 0) + pages);
  };
  for (const space of spaces) {
    count(space.payer, space.own);
    for (const { start, end, payer } of space.foreign) count(payer, end - start);
    countJob(space.job, space.pages);
  }
  for (const { payer, job, pages } of objects) {
    count(payer, pages);
    countJob(job, pages);
  }
  for (const { payer, pages } of disks()) count(payer, pages);

  const lines: string[] = [];
  const compare = (what: string, kept: number, counted: number): void => {
    if (kept !== counted) lines.push(`${what}: ${kept} pages are kept, ${counted} counted`);
  };
  for (const payer of uids) compare(`uid ${payer.uid}`, payer.vmsize, byUid.get(payer) ?? 0);
  compare(
    "swap_reserved",
    ledger.reserved,
    [...byUid.values()].reduce((sum, pages) => sum + pages, 0),
  );
  for (const job of new Set([...jobs, ...byJob.keys()])) compare(`job ${job.id}`, job.pages, byJob.get(job) ?? 0);
  return lines;
}
