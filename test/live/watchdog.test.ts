/** A daemon that hangs is replaced; one that is stopped, or on a machine that has too much to do, is not. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Accounting } from "../support/limited.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { until } from "../support/target.ts";

/** Resolves when the daemon has its watchdog, which begins a moment after it. */
function watched(pid: number): Promise<void> {
  const tasks = `/proc/${pid}/task`;
  const name = (tid: string): string => readFileSync(`${tasks}/${tid}/comm`, "latin1");
  return until(() => readdirSync(tasks).some((tid) => name(tid) === "watchdog\n"), "the watchdog");
}

test("hung in a call of the kernel: replaced, and whoever waits is served", NEEDS_MOUNT, async (t) => {
  const accounting = new Accounting(t, 0);
  await accounting.patientDaemon();
  const mount = join(accounting.dir, "mount");
  mkdirSync(mount);
  assert.equal(accounting.command("mount", mount).code, 0);
  t.after(() => accounting.command("umount", mount));
  const path = join(mount, String(process.pid), "status");
  const status = openSync(path, "r");
  t.after(() => closeSync(status));
  const pid = await accounting.daemon();
  await watched(pid);
  process.kill(pid, "SIGUSR2");
  const begin = performance.now();
  assert.match(readFileSync(path, "latin1"), /^node /);
  const took = performance.now() - begin;
  t.diagnostic(`served again after ${took.toFixed(0)} ms`);
  assert.notEqual(await accounting.daemon(), pid);
  assert.ok(readSync(status, Buffer.alloc(100)) > 0);
  assert.match(readFileSync(join(accounting.dir, "own", "log"), "latin1"), /watchdog: the main thread hangs in a call/);
});

test("stopped for three seconds, then beside eight busy loops: the same daemon goes on", NEEDS_MOUNT, async (t) => {
  const accounting = new Accounting(t, 0);
  await accounting.patientDaemon();
  const pid = await accounting.daemon();
  await watched(pid);
  process.kill(pid, "SIGSTOP");
  await pause(3000);
  process.kill(pid, "SIGCONT");
  assert.equal(await accounting.daemon(), pid);
  const loops = Array.from({ length: 8 }, () => spawn("sh", ["-c", "while :; do :; done"], { stdio: "ignore" }));
  t.after(() => {
    for (const loop of loops) loop.kill("SIGKILL");
  });
  for (let i = 0; i < 40; i++) {
    await accounting.cat("accounts");
    await pause(50);
  }
  assert.equal(await accounting.daemon(), pid);
});
