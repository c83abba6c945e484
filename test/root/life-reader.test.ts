/** Who a process is on kernels without numbers of pidfds: found out without waiting for the process. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { LifeReader } from "../../src/host/linux/life-reader.ts";
import { Hanging } from "../support/hanging.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Target } from "../support/target.ts";

const A = 61001;

test("the start time of another's process; one inside exec keeps nobody waiting", NEEDS_MOUNT, async (t) => {
  await using target = await Target.start("sleeper", { uid: A });
  await using hanging = await Hanging.inExec(A);
  const reader = new LifeReader();
  t.after(() => reader.close());
  const stat = readFileSync(`/proc/${target.pid}/stat`, "latin1");
  const started = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  assert.equal(reader.startTicks(target.pid), started);
  for (const most of [500, 10]) {
    const begin = performance.now();
    assert.throws(() => reader.startTicks(hanging.pid), { code: "EAGAIN" });
    assert.ok(performance.now() - begin < most, `${performance.now() - begin} ms`);
  }
  assert.equal(reader.startTicks(target.pid), started);
  assert.throws(() => reader.startTicks(2 ** 22 + 1), { code: "ESRCH" });
});
