/** What happens when an attach waits in the kernel after all: of a process of root's own nothing is found out beforehand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { daemonPlace } from "../support/daemon-place.ts";
import { Hanging } from "../support/hanging.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Target } from "../support/target.ts";

test("a daemon held up by an attach ends, and the next one refuses the process", NEEDS_MOUNT, async (t) => {
  const { run } = daemonPlace(t);
  await using target = await Hanging.beforeExec(0);
  await using other = await Target.start("sleeper");
  assert.equal(run("daemon").code, 0);
  assert.notEqual(run("write", `${target.pid}/ctl`, "attach").code, 0);
  assert.equal(run("daemon").code, 0);
  const begin = performance.now();
  assert.match(run("write", `${target.pid}/ctl`, "attach").err, /EAGAIN/);
  assert.ok(performance.now() - begin < 5000);
  assert.equal(run("write", `${other.pid}/ctl`, "attach").code, 0);
  assert.match(run("cat", `${target.pid}/status`).out, /^sh /);
});
