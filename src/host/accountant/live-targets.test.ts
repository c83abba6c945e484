import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { Target } from "../../../test/support/target.ts";
import { libcClose, libcPidfdOpen } from "../linux/ffi/libc.ts";
import { LiveTargets } from "./live-targets.ts";
import { PollSet } from "./poll-set.ts";

const targets = new LiveTargets();

test("a child has the memory of its lender, though the lender's first thread has exited", async () => {
  await using lender = await Target.start("lends-and-leaves");
  const child = Number(/child (\d+)/.exec(lender.output)![1]);
  assert.equal(targets.sharesMemory(lender.pid, child), true);
  assert.equal(targets.sharesMemoryForSure(lender.pid, child), true);
  assert.equal(targets.sharesMemoryForSure(lender.pid, process.pid), false);
});

test("whether somebody has the memory of a process that has exited is not known", async (t) => {
  // Nobody waits for the first one.
  const parent = spawn("/bin/sh", ["-c", "true & echo $!; exec cat"], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => parent.kill("SIGKILL"));
  const [text] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(text.toString());
  const fd = libcPidfdOpen(pid, 0);
  assert.ok(fd >= 0);
  const polls = new PollSet(1);
  polls.put(0, fd);
  assert.ok(polls.wait(10_000), "it exits");
  libcClose(fd);
  assert.equal(targets.sharesMemoryForSure(pid, process.pid), undefined);
  assert.equal(targets.sharesMemory(pid, process.pid), false);
});
