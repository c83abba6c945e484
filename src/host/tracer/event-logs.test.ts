import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pid } from "../../core/base/brand.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { EventLogs } from "./event-logs.ts";

const process = (pid: number, isAlive: boolean): LiveProcess =>
  ({ pid: pid as Pid, life: 1, alive: () => isAlive }) as unknown as LiveProcess;

test("where a process cannot be watched its reader is told why, and nothing is kept; that is not its end", () => {
  const logs = new EventLogs();
  const target = process(-1, true);
  assert.throws(() => logs.open(target, assert.fail), { code: "EINVAL" });
  assert.equal(logs.find(target), undefined);
  logs.begin(target);
  assert.throws(() => logs.open(target, assert.fail), { code: "EINVAL" });
  assert.equal(logs.find(target)?.ended, false, "whoever controls it is still told");
  logs.close();
});

test("the events of a process that is gone have ended", () => {
  const logs = new EventLogs();
  // One more than the highest number that Linux can give.
  const target = process(4_194_305, false);
  const { log, close } = logs.open(target, assert.fail);
  assert.equal(log.ended, true);
  assert.equal(logs.find(target), undefined);
  close();
});
