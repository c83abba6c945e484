/** Who a process is on kernels without numbers of pidfds: found out without waiting for the process. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { LifeReader } from "../../src/host/linux/life-reader.ts";
import { Hanging } from "../support/hanging.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Target } from "../support/target.ts";

const A = 61001;
const B = 61002;

test("the start time of another's process; one inside exec keeps nobody waiting", NEEDS_MOUNT, async (t) => {
  await using target = await Target.start("sleeper", { uid: A });
  await using hanging = await Hanging.inExec(A);
  const reader = new LifeReader();
  t.after(() => reader.close());
  const stat = readFileSync(`/proc/${target.pid}/stat`, "latin1");
  const started = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  assert.equal(reader.startTicks(target.pid, A), started);
  for (const most of [500, 45]) {
    const begin = performance.now();
    assert.throws(() => reader.startTicks(hanging.pid, A), { code: "EAGAIN" });
    assert.ok(performance.now() - begin < most, `${performance.now() - begin} ms`);
  }
  assert.equal(reader.startTicks(target.pid, A), started);
  assert.throws(() => reader.startTicks(2 ** 22 + 1, A), { code: "ESRCH" });
});

test("two processes of one owner that do not answer keep only that owner's from being read", NEEDS_MOUNT, async (t) => {
  await using target = await Target.start("sleeper", { uid: A });
  await using other = await Target.start("sleeper", { uid: B });
  await using one = await Hanging.inExec(A);
  await using two = await Hanging.inExec(A);
  const reader = new LifeReader();
  t.after(() => reader.close());
  assert.ok(reader.startTicks(target.pid, A) > 0);
  for (const { pid } of [one, two]) assert.throws(() => reader.startTicks(pid, A), { code: "EAGAIN" });
  assert.throws(() => reader.startTicks(target.pid, A), { code: "EAGAIN", reason: /^2 processes of uid 61001/ });
  assert.ok(reader.startTicks(other.pid, B) > 0);
});

/** The soft limit that there was. */
function limitDescriptors(soft: number): number {
  const run = (...args: readonly string[]): string =>
    spawnSync("prlimit", ["--pid", `${process.pid}`, ...args], { encoding: "utf8" }).stdout;
  const before = Number(run("--nofile", "--noheadings", "--raw", "--output=SOFT"));
  run(`--nofile=${soft}:`);
  return before;
}

test("a process that cannot be read for want of a descriptor can be read once there is one", (t) => {
  const reader = new LifeReader();
  t.after(() => reader.close());
  const ticks = reader.startTicks(process.ppid, A);
  const taken: number[] = [];
  const soft = limitDescriptors(256);
  try {
    assert.throws(
      () => {
        for (;;) taken.push(openSync("/dev/null", "r"));
      },
      { code: "EMFILE" },
    );
    assert.throws(() => reader.startTicks(process.ppid, A), { code: "EAGAIN", reason: /could not be read/ });
  } finally {
    for (const fd of taken) closeSync(fd);
    limitDescriptors(soft);
  }
  assert.equal(reader.startTicks(process.ppid, A), ticks);
});
