import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../support/paths.ts";
import { program } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";

test("the whole debugging sequence as a shell script", NEEDS_MOUNT, async () => {
  await using server = await Server.start();
  const script = join(ROOT, "test", "live", "session.sh");
  const { status, stdout, stderr } = spawnSync("bash", [script, server.dir, program("counter")], {
    encoding: "utf8",
    timeout: 30_000,
  });
  assert.equal(stdout, "text: before\nstepped\nstatus 7\nready\ntext after\n", stderr);
  assert.deepEqual([status, stderr], [0, ""]);
});
