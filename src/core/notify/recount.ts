import { type Holder, recount as recountCharges } from "../charges/recount.ts";
import type { Space } from "../space/space.ts";
import type { Accounts } from "./accounts.ts";

/** Adds up all charges again. Returns a line for each total – of a uid, of the machine, of a job – that differs from the one kept. */
export function recount(accounts: Accounts): string[] {
  const { ledger, uids, jobs } = accounts;
  return recountCharges(holdersOf(accounts), { ledger, uids, budgets: jobs });
}

function* holdersOf({ population, grants, objects, disks }: Accounts): Iterable<Holder> {
  const spaces = new Set<Space>();
  for (const { space } of population) spaces.add(space);
  for (const { child } of grants.forks) spaces.add(child);
  for (const space of spaces) yield* space.charges;
  for (const { charge } of objects) yield charge;
  yield* disks;
}
