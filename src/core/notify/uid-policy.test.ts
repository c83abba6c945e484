/** What an administrator allows, of who is there and who is still to come. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { machineWith } from "../../../test/support/accounts-calls.ts";
import { UNLIMITED } from "../charges/unlimited.ts";
import { JOB_RECORD } from "../grants/records.ts";
import { Job } from "../space/job.ts";
import { applyPolicy } from "./uid-policy.ts";

test("a policy is for its uids and their sessions, and what has changed is written down", () => {
  const { world, accounts } = machineWith(1);
  const swap = { soft: 5, hard: 9 };
  const sessions = [1000, 2000, 3000].map((uid, i) => new Job(10 + i, undefined, 50, undefined, { sessionOf: uid }));
  for (const session of sessions) accounts.jobs.add(session);
  accounts.uids.find(3000);
  const before = world.job.most;
  applyPolicy(accounts, (uid) => {
    if (uid === 1000) return { swap, session: 50 };
    return uid === 2000 ? { swap: undefined, session: 70 } : undefined;
  });
  assert.deepEqual(
    sessions.map(({ most }) => most),
    [50, 70, UNLIMITED],
  );
  assert.equal(world.job.most, before);
  const none = { soft: UNLIMITED, hard: UNLIMITED };
  assert.deepEqual(
    [1000, 2000, 3000, 4000].map((uid) => accounts.uids.find(uid).limit),
    [swap, none, none, none],
  );
  // The first one has what it had.
  assert.deepEqual(
    [10, 11, 12].map((id) => world.records.has(JOB_RECORD + id)),
    [false, true, true],
  );
});
