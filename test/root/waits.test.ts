import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { type Lock, PROCESS_CALLS, PROMPT_FILES, WAITING_FILES } from "../../src/host/linux/waits.ts";
import { Hanging } from "../support/hanging.ts";
import { program } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";

const A = 61001;

/** Every row of the table as what-waits takes it, and what it can wait for. */
function rows(pid: number): ReadonlyMap<string, readonly Lock[]> {
  const table = new Map<string, readonly Lock[]>();
  for (const [name, how] of Object.entries(PROMPT_FILES))
    table.set(`${how}:${name === "children" ? `task/${pid}/${name}` : name}`, []);
  for (const [name, { how, waits }] of Object.entries(WAITING_FILES)) table.set(`${how}:${name}`, waits);
  for (const [name, waits] of Object.entries(PROCESS_CALLS)) table.set(`call:${name}`, waits);
  return table;
}

/** Which of the rows come back for that process. */
function outcomes(pid: number): ReadonlyMap<string, string> {
  const { stdout } = spawnSync(program("what-waits"), [String(pid), "2000", ...rows(pid).keys()], { encoding: "utf8" });
  return new Map(
    stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" ", 2) as [string, string]),
  );
}

for (const [lock, start] of [
  ["exec_update_lock", Hanging.inExec],
  ["cred_guard_mutex", Hanging.beforeExec],
] as const) {
  test(`what waits for ${lock} is what the table says`, NEEDS_MOUNT, async () => {
    await using target = await start(A);
    const seen = outcomes(target.pid);
    for (const [row, waits] of rows(target.pid))
      assert.equal(seen.get(row), waits.includes(lock) ? "waits" : "returns", row);
  });
}
