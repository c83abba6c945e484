/** One limit for a tree of processes, copied when one of them is given another. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AccountsWorld } from "../../../test/support/accounts-world.ts";
import { UNLIMITED } from "../charges/unlimited.ts";
import { JOB_RECORD, jobRecord } from "../grants/records.ts";
import { limitCell } from "../space/limit.ts";
import type { Operation } from "../trap/operation.ts";
import { liftLimits } from "./lift.ts";

const UID = 1000;
const FORK: Operation = { kind: "fork", isSibling: false };
const EXEC: Operation = { kind: "exec" };
const map = (pages: number): Operation => ({ kind: "map", start: undefined, pages });

/** A command that has a tree to itself, with a limit of so many pages, and a job of as many. */
function treeWith(pages: number) {
  const world = new AccountsWorld(pages);
  const { job, kernel, accounts } = world;
  Object.assign(job.limit, { soft: pages, hard: pages });
  world.records.set(JOB_RECORD + job.id, jobRecord(job));
  const { pid } = kernel.spawn(UID, pages);
  accounts.population.enter(pid, kernel.image(pid)!, UID, job, job.limit);
  const limitOf = (of: number): number => world.accounts.population.find(of)!.limit.soft;
  const set = (of: number, soft: number): void => {
    kernel.processes.get(of)!.proc.rlimitSwap = soft;
    world.accounts.setLimit(world.accounts.population.find(of)!, { soft, hard: soft });
  };
  const does = (tid: number, operation: Operation) => {
    assert.equal(world.trap(tid, operation), "let go");
    return kernel.happen(tid);
  };
  return { world, kernel, job, pid, limitOf, set, does };
}

test("a child has its parent's limit, and another from when one of them is given one; strangers have the tree's", () => {
  const { world, job, pid, limitOf, set, does } = treeWith(1000);
  const child = does(pid, FORK)!.pid;
  does(child, map(1));
  set(child, 300);
  assert.deepEqual([limitOf(pid), limitOf(child), job.limit.soft], [1000, 300, 1000]);
  const grandchild = does(child, FORK)!.pid;
  does(grandchild, map(1));
  set(child, 200);
  assert.deepEqual([limitOf(child), limitOf(grandchild)], [200, 300]);
  world.crash();
  assert.deepEqual([limitOf(pid), limitOf(child), limitOf(grandchild)], [1000, 200, 300]);
});

test("a limit that is set while a fork is under way is that of the child", () => {
  const { world, pid, limitOf, set, does } = treeWith(1000);
  assert.equal(world.trap(pid, FORK), "let go");
  set(pid, 300);
  const child = world.kernel.happen(pid)!.pid;
  does(child, map(1));
  assert.equal(limitOf(child), 300);
});

test("processes that had one limit before a kill have one after it", () => {
  const { world, pid, set, limitOf, does } = treeWith(1000);
  const child = does(pid, FORK)!.pid;
  does(child, map(1));
  world.crash();
  set(child, 300);
  assert.deepEqual([limitOf(pid), limitOf(child), world.job.limit.soft], [1000, 300, 1000]);
  world.exit(child);
  world.tellEnds();
  set(pid, 400);
  assert.equal(world.job.limit.soft, 400);
});

test("when all limits are lifted nobody is held to one: who is here, who is still to come, and after a kill", () => {
  const { world, pid, kernel, limitOf, does } = treeWith(1000);
  does(pid, map(400));
  const child = does(pid, FORK)!.pid;
  const borrower = does(pid, { kind: "vfork", waits: true })!.pid;
  assert.equal(world.trap(borrower, EXEC), "let go");
  liftLimits(world.accounts);
  assert.equal(world.trap(child, map(5000)), "let go");
  kernel.happenAll();
  assert.equal(world.trap(borrower, map(5000)), "let go");
  kernel.happenAll();
  world.accounts.readAllMaps();
  assert.deepEqual([pid, child, borrower].map(limitOf), [UNLIMITED, UNLIMITED, UNLIMITED]);
  world.crash();
  assert.deepEqual([pid, child, borrower].map(limitOf), [UNLIMITED, UNLIMITED, UNLIMITED]);
  assert.equal(world.accounts.ledger.overcommit, 0);
  assert.equal(world.trap(pid, map(50_000)), "let go");
});

test("a tree that begins without a limit can be given one, and no other tree has it then", () => {
  const { world, kernel, set, limitOf } = treeWith(1000);
  const { pid } = kernel.spawn(UID);
  world.accounts.population.enter(pid, kernel.image(pid)!, UID, world.accounts.rootJob, limitCell());
  set(pid, 7);
  assert.deepEqual([limitOf(pid), world.accounts.rootJob.limit.soft], [7, UNLIMITED]);
});
