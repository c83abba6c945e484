import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { type TestContext, test } from "node:test";
import type { AccountedProcess } from "../../core/space/process.ts";
import { libcPidfdOpen } from "../linux/ffi/libc.ts";
import { Alarms } from "./alarms.ts";
import { ExitWatch } from "./exit-watch.ts";
import { WatchSet } from "./watch-set.ts";

/** A watch that writes down what it tells; what `broken` replaces fails. */
function world(
  t: TestContext,
  broken: {
    add?: () => never;
    open?: (pid: number) => number;
    isGone?: () => boolean;
  } = {},
) {
  const told: string[] = [];
  const watches = new WatchSet();
  if (broken.add) watches.add = broken.add;
  const events = {
    exited: ({ pid }: AccountedProcess) => void told.push(`exited ${pid}`),
    stays: ({ pid }: AccountedProcess) => void told.push(`stays ${pid}`),
    isGone: broken.isGone ?? (() => false),
    failed: (error: unknown, { pid }: AccountedProcess) => void told.push(`failed ${pid}: ${(error as Error).message}`),
  };
  const watch = new ExitWatch(new Alarms(), events, watches, broken.open);
  t.after(() => watch.close());
  return { watch, told };
}

const named = (pid: number): AccountedProcess => ({ pid }) as AccountedProcess;
const descriptors = (): number => readdirSync("/proc/self/fd").length;

test("what cannot be watched stays, with its descriptor closed, and so do those that come behind it", (t) => {
  const noRoom = (): never => {
    throw new Error("ENOSPC");
  };
  const { watch, told } = world(t, { add: noRoom });
  watch.add(named(process.pid));
  watch.add(named(process.ppid));
  const before = descriptors();
  watch.collect();
  assert.equal(descriptors(), before);
  const { pid, ppid } = process;
  assert.deepEqual(told, [`failed ${pid}: ENOSPC`, `stays ${pid}`, `failed ${ppid}: ENOSPC`, `stays ${ppid}`]);
});

test("one of which no descriptor can be had stays as well", (t) => {
  // EINVAL, as EMFILE would.
  const { watch, told } = world(t, { open: (pid) => libcPidfdOpen(pid, -1) });
  watch.add(named(process.pid));
  watch.collect();
  assert.deepEqual(told, [`stays ${process.pid}`]);
});

test("whose number is somebody else's has exited: that one is not watched for it", (t) => {
  const { watch, told } = world(t, { isGone: () => true });
  watch.add(named(process.pid));
  const before = descriptors();
  watch.collect();
  assert.equal(descriptors(), before);
  assert.deepEqual(told, [`exited ${process.pid}`]);
});

test("who stays is told of when it exits", async (t) => {
  const child = spawn("/bin/cat", { stdio: ["pipe", "ignore", "ignore"] });
  t.after(() => child.kill());
  const pid = child.pid!;
  const { watch, told } = world(t);
  watch.add(named(pid));
  watch.collect();
  assert.deepEqual(told, [`stays ${pid}`]);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.stdin.end();
  await exited;
  watch.collect();
  assert.deepEqual(told, [`stays ${pid}`, `exited ${pid}`]);
});
