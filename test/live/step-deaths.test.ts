/** What the manual promises of a target whose server is killed, as the kernel has it: test/programs/step-deaths.c. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { program } from "../support/programs.ts";

const ROUNDS = 10;

test("a step under way dies with its tracer, however it is made; a plain trap stop does not", {
  timeout: 60_000,
}, () => {
  const ran = spawnSync(program("step-deaths"), [String(ROUNDS)], { encoding: "utf8", timeout: 50_000 });
  const rows = ran.stdout.trim().split("\n");
  const dead = new Map(rows.map((row) => [row.split(" ")[0], Number(row.split(" ")[1])]));
  // Were it otherwise one day, the manual could promise more.
  for (const way of ["step", "rest-step"]) assert.equal(dead.get(way), ROUNDS, ran.stdout);
  assert.deepEqual([dead.get("rest-safe"), dead.get("beside")], [0, 0], ran.stdout);
});
