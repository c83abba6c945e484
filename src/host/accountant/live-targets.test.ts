import assert from "node:assert/strict";
import { test } from "node:test";
import { Target } from "../../../test/support/target.ts";
import { LiveTargets } from "./live-targets.ts";

const targets = new LiveTargets();
const childOf = ({ output }: Target): number => Number(/child (\d+)/.exec(output)![1]);

test("a child has the memory of its lender, though the lender's first thread has exited", async () => {
  await using lender = await Target.start("lends-and-leaves");
  const child = childOf(lender);
  assert.equal(targets.sharesMemory(lender.pid, child), true);
  assert.equal(targets.sharesMemoryForSure(lender.pid, child), true);
  assert.equal(targets.sharesMemoryForSure(lender.pid, process.pid), false);
});

test("whether somebody has the memory of a process that has exited is not known", async () => {
  await using parent = await Target.start("keeps-zombie");
  const zombie = childOf(parent);
  assert.equal(targets.sharesMemoryForSure(zombie, process.pid), undefined);
  assert.equal(targets.sharesMemory(zombie, process.pid), false);
});
