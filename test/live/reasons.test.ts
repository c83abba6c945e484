/** Why a write was refused is told in words, by whatever tree: served, the daemon's, the daemon's own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { daemonPlace } from "../support/daemon-place.ts";
import { NineServer } from "../support/nine-server.ts";
import { CLI } from "../support/paths.ts";
import { Target } from "../support/target.ts";

/** What is refused, and what is said about it. */
const REFUSED: readonly (readonly [node: string, text: string, said: RegExp])[] = [
  ["ctl", "frobnicate", /^EOPNOTSUPP: no control word "frobnicate"$/],
  ["ctl", "step", /^EBUSY: process \d+ is not attached$/],
  ["rlimit", "swap 1 2 3", /^EINVAL: say: swap SOFT HARD; setrlimit\(2\) sets the others$/],
  [
    "rlimit",
    "swap 4096",
    /^EOPNOTSUPP: process \d+ is not under accounting: write account to its ctl, or start it by /,
  ],
  ["note", "emt", /^EOPNOTSUPP: no note "emt"$/],
];

function tell(run: (...args: string[]) => { code: number | null; err: string }, pid: number): void {
  for (const [node, text, said] of REFUSED) {
    const { code, err } = run("write", `${pid}/${node}`, text);
    const [, reason] = new RegExp(`^lyonnais: write ${pid}/${node}: (.*)\n$`).exec(err) ?? [];
    assert.match(reason ?? err, said);
    assert.equal(code, 1);
  }
  assert.match(
    run("write", "swap", "overcommit 9").err,
    /^lyonnais: write swap: EINVAL: say: overcommit BITS, from 0 to 7\n$/,
  );
}

test("by the daemon's tree", async (t: TestContext) => {
  const { run } = daemonPlace(t);
  await using target = await Target.start("sleeper");
  assert.equal(run("daemon").code, 0);
  tell(run, target.pid);
  // What there are no words for is what the number means.
  assert.match(
    run("cat", "999999/status").err,
    /^lyonnais: cat 999999\/status: ENOENT: 999999\/status: no such file .*\n$/,
  );
});

test("over 9P by -r", async (t: TestContext) => {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
  t.after(() => rmSync(dir, { recursive: true }));
  await using server = await NineServer.start(`unix:${join(dir, "9p")}`);
  await using target = await Target.start("sleeper");
  const run = (...args: string[]) => {
    const ran = spawnSync(process.execPath, [CLI, "-r", server.address, ...args], {
      encoding: "utf8",
      timeout: 20_000,
    });
    return { code: ran.status, err: ran.stderr };
  };
  tell(run, target.pid);
  const shell = spawnSync(process.execPath, [CLI, "-r", server.address, "shell"], {
    input: `echo frobnicate > ${target.pid}/ctl\n`,
    encoding: "utf8",
    timeout: 20_000,
  });
  assert.match(shell.stderr, /^lyonnais: line 1: EOPNOTSUPP: no control word "frobnicate"\n$/);
});
