/** Directories that are full, and limits on files: one line that says what is wrong, and all is well when there is room. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { CLI } from "../support/paths.ts";

const ROOT_ONLY = { skip: process.geteuid!() === 0 ? false : "needs root", timeout: 60_000 };

/** What a shell script says that has 64 KiB on /mnt of its own, and `l`, a command of an ordinary user's whose directories are there. */
function inLittleRoom(script: string): string[] {
  const command = `setpriv --reuid 61003 --regid 61003 --clear-groups env HOME=/mnt LYONNAIS_RUNTIME_DIR=/mnt/run XDG_STATE_HOME=/mnt/state ${process.execPath} ${CLI}`;
  const whole = `mount -t tmpfs -o size=64k,mode=1777 none /mnt; l() { ${command} "$@" 2>&1; }; ${script}; l stop --force`;
  const args = ["-m", "--propagation", "private", "sh", "-c", whole];
  const { stdout, stderr, error } = spawnSync("unshare", args, { encoding: "utf8", timeout: 50_000 });
  assert.equal(error, undefined);
  assert.equal(stderr, "");
  return stdout.trim().split("\n");
}

test(
  "accounts that have no room are ENOSPC for who asks; the daemon goes on, and so does the next one when there is room",
  ROOT_ONLY,
  () => {
    const [refused, ran] = inLittleRoom("l run -w 1g -- true; mount -o remount,size=4m /mnt; l run -w 1g -- echo ran");
    assert.match(
      refused!,
      /^lyonnais: run true: ENOSPC: the accounts need 1048576 bytes at \/mnt\/run\/accounts: no space left/,
    );
    assert.equal(ran, "ran");
  },
);

test("a daemon that cannot write its lock says so", ROOT_ONLY, () => {
  const [full, limited, ...rest] = inLittleRoom(
    "dd if=/dev/zero of=/mnt/fill bs=64k count=1 2>/dev/null; l daemon; rm /mnt/fill; (ulimit -f 0; l daemon)",
  );
  assert.match(full!, /^lyonnais: daemon: ENOSPC: the daemon's lock cannot be written: no space left/);
  assert.match(limited!, /^lyonnais: daemon: EFBIG: the daemon's lock cannot be written: file too large/);
  assert.deepEqual(rest, ["lyonnais: stop: ESRCH: no daemon of this user runs"]);
});
