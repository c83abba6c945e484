import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { CLI } from "../support/paths.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";

const run = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { encoding: "utf8", timeout: 30_000 });

test("a path below a mount goes through the mount", NEEDS_MOUNT, async () => {
  await using server = await Server.start();
  assert.match(run("cat", `${server.dir}/curproc/status`).stdout, /^lyonnais \d+ /);
  const names = readdirSync(`${server.dir}/curproc`);
  assert.ok(names.includes("status"));
  assert.equal(run("ls", `${server.dir}/curproc`).stdout, `${names.sort().join("\n")}\n`);
  const refused = run("cat", `${server.dir}/2/mem`);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^lyonnais: cat \S+\/2\/mem: EPERM: /);
});
