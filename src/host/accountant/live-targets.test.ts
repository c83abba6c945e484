import assert from "node:assert/strict";
import { test } from "node:test";
import { Target } from "../../../test/support/target.ts";
import { LiveTargets } from "./live-targets.ts";

const targets = new LiveTargets();

test("the clock is that of start times", async () => {
  const before = targets.nowTicks();
  await using target = await Target.start("sleeper");
  const { startTicks } = targets.image(target.pid)!;
  assert.ok(before <= startTicks && startTicks <= targets.nowTicks(), `${before} ${startTicks}`);
});

const childOf = ({ output }: Target): number => Number(/child (\d+)/.exec(output)![1]);

test("a child has the memory of its lender, though the lender's first thread has exited", async () => {
  await using lender = await Target.start("lends-and-leaves");
  const child = childOf(lender);
  assert.equal(targets.sharesMemory(lender.pid, child), true);
  // Nothing is certain of a thread that has gone.
  assert.equal(targets.hasLeft(lender.pid, lender.pid, child), false);
  assert.equal(targets.hasLeft(lender.pid, lender.pid, process.pid), false);
});

test("a process with another memory has left that of a thread which still has its own", async () => {
  await using lender = await Target.start("lends-and-leaves");
  const child = childOf(lender);
  assert.equal(targets.hasLeft(child, child, process.pid), true);
  assert.equal(targets.hasLeft(child, child, child), false);
});

test("whether somebody has the memory of a process that has exited is not known", async () => {
  await using parent = await Target.start("keeps-zombie");
  const zombie = childOf(parent);
  assert.equal(targets.hasLeft(zombie, zombie, process.pid), false);
  assert.equal(targets.sharesMemory(zombie, process.pid), false);
});
