import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CLI, ROOT } from "../support/paths.ts";
import { program } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";

/** What a shell put into a container from outside sees: its session's leader has no number there, getsid(2) says 0. */
const SCRIPT = `
set -eu
[ "$(awk '{ print $6 }' /proc/$$/stat)" = 0 ]
"$1" "$2" mount "$3"
trap '"$1" "$2" umount "$3"' EXIT
bash "$4" "$3" "$5"
`;

test("control in a session that is led from outside the pid namespace", NEEDS_MOUNT, () => {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
  try {
    const session = join(ROOT, "test", "live", "session.sh");
    const args = [process.execPath, CLI, dir, session, program("counter")];
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      ["--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", SCRIPT, "bash", ...args],
      { encoding: "utf8", timeout: 30_000 },
    );
    assert.match(stdout, /^text: before\nstepped\nstatus 7\nready\ntext after\n/m, stderr);
    assert.deepEqual([status, stderr], [0, ""]);
  } finally {
    rmdirSync(dir);
  }
});
