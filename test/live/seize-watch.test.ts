import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PTRACE_SEIZE } from "../../src/core/abi/ptrace.ts";
import type { Pid } from "../../src/core/base/brand.ts";
import { CallerIdentity } from "../../src/host/linux/caller-identity.ts";
import { Elsewhere } from "../../src/host/linux/elsewhere/elsewhere.ts";
import { check } from "../../src/host/linux/ffi/call.ts";
import { libcPtraceNumber } from "../../src/host/linux/ffi/libc.ts";
import { LiveProcessTable } from "../../src/host/linux/process-table.ts";
import { SeizeWatch } from "../../src/host/tracer/seize-watch.ts";
import { Target, until } from "../support/target.ts";

const seize = (tid: number): number => check(libcPtraceNumber(PTRACE_SEIZE, tid, 0, 0), `attach to ${tid}`);

test("an exec that waits for a thread which only we can collect does not hold up an attach", async () => {
  await using target = await Target.start("thread-and-exec");
  await target.prints("tid ");
  await target.prints("\n");
  const tid = Number(/tid (\d+)/.exec(target.output)![1]);
  const watch = new SeizeWatch(undefined);
  const elsewhere = Elsewhere.processJobs(console.error);
  const processes = new LiveProcessTable(new CallerIdentity(), elsewhere);
  const process = processes.find(target.pid as Pid)!;
  seize(tid);
  target.child.stdin!.write("x");
  // The exec has ended the thread, and now waits until it is collected.
  await until(() => /^State:\tZ/m.test(readFileSync(`/proc/${target.pid}/task/${tid}/status`, "latin1")), "its end");
  const begin = performance.now();
  watch.during(process, () => seize(target.pid));
  assert.ok(performance.now() - begin < 1500);
  assert.equal(readFileSync(`/proc/${target.pid}/comm`, "latin1"), "sleep\n");
  watch.close();
  processes.close();
  elsewhere.close();
});
