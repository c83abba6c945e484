import type { Directory } from "./directory.ts";
import { holdsFor, type Policy } from "./policy.ts";
import type { Problem } from "./statement.ts";

const NUMBER = /^\d+$/;

/** Who may take on other uids in a user namespace of his own, from the text of /etc/subuid, subuid(5): `OWNER:FIRST:COUNT`. */
function ownersOf(subuid: string, directory: Directory): Set<number> {
  const owners = new Set<number>();
  for (const line of subuid.split("\n")) {
    const [owner = "", first = "", count = ""] = line.split(":");
    if (!NUMBER.test(first) || !NUMBER.test(count) || Number(count) === 0) continue;
    const uid = directory.uidOf(owner) ?? (NUMBER.test(owner) ? Number(owner) : undefined);
    if (uid !== undefined) owners.add(uid);
  }
  return owners;
}

/**
 * A warning for each `swap` that somebody can leave by his subordinate uids: they pay for themselves, and without `job` nothing binds them all.
 */
export function subordinateWarnings(policy: Policy, directory: Directory, subuid: string): readonly Problem[] {
  const problems = new Map<object, Problem>();
  for (const uid of ownersOf(subuid, directory)) {
    const { swap, job } = holdsFor(policy, uid);
    if (!swap || job || problems.has(swap)) continue;
    const who = directory.nameOf(uid) ?? uid;
    const text = `${swap.heading}: /etc/subuid gives ${who} other uids, which swap does not count with his own: say job as well`;
    problems.set(swap, { place: swap.place, text, isWarning: true });
  }
  return [...problems.values()];
}
