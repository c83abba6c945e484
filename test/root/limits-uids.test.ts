/** Who pays: several uids below one command of root's. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Accounting, reservedByKernel } from "../support/limited.ts";
import { program } from "../support/programs.ts";
import { untilAsync } from "../support/target.ts";

const skip = process.geteuid!() === 0 ? false : "needs root";
const ALICE = 31001;
const BOB = 31002;

test("a charge stays with the uid that made it; what comes after setuid is the next one's", { skip }, async (t) => {
  const place = new Accounting(t, 0);
  await using words = await place.words(["-w", "256m", "--count-only"]);
  const first = await words.do("map 1000 3");
  await words.do(`touch ${first}`);
  const before = await place.reserved(0);
  assert.equal(before, reservedByKernel(words.pid));
  await words.do("seteuid 0");
  await words.do(`setuid ${ALICE}`);
  const second = await words.do("map 300 3");
  assert.equal(await place.reserved(0), before);
  assert.equal(await place.reserved(ALICE), 300);
  await words.do("brk 40");
  assert.equal(await place.reserved(ALICE), 340);

  const map = (await place.cat(`${words.pid}/map`)).trim().split("\n");
  const charged = (uid: number): number =>
    map
      .map((line) => line.split(" "))
      .filter((fields) => fields[13] === "CH" && Number(fields[14]) === uid)
      .reduce((sum, [start, end]) => sum + (Number(end) - Number(start)) / 4096, 0);
  assert.ok(charged(0) >= 1000 && charged(ALICE) >= 300, map.join("\n"));
  assert.equal(charged(0) + charged(ALICE), reservedByKernel(words.pid));

  const child = await words.do("fork");
  assert.equal(await place.reserved(ALICE), 340 + reservedByKernel(child));
  await words.do("reap");
  await untilAsync(async () => (await place.reserved(ALICE)) === 340, "the child's charge back");
  await words.do(`unmap ${first} 0 400`);
  assert.equal(await place.reserved(0), before - 400);
  await words.do(`unmap ${second} 0 300`);
  assert.equal(await place.reserved(ALICE), 40);
  assert.equal(await words.ask("exec"), "ready");
  assert.equal(await place.reserved(0), 0);
  assert.equal(await place.reserved(ALICE), reservedByKernel(words.pid));
  assert.equal(await place.cat("accounts-check"), "");
});

test("two uids, one limited and one not; root is counted and not refused", { skip }, async (t) => {
  const place = new Accounting(t, 0);
  const as = (uid: number): string[] => ["setpriv", `--reuid=${uid}`, "--clear-groups", program("memory-words")];
  await using alice = await place.words(["-w", "32m", "--count-only"], as(ALICE));
  await using bob = await place.words([], as(BOB));
  await using root = await place.words(["-w", "32m", "--count-only"]);
  assert.equal(await alice.ask("map 9000 3"), "ENOMEM");
  await bob.do("map 9000 3");
  await root.do("map 9000 3");
  await alice.do("map 7000 3");
  for (const [uid, words] of [
    [ALICE, alice],
    [BOB, bob],
    [0, root],
  ] as const) {
    assert.equal(await place.reserved(uid), reservedByKernel(words.pid), `uid ${uid}`);
  }
  assert.match(await place.cat("accounts"), new RegExp(`^${ALICE} \\d+ 33554432 \\d+ 1 1 `, "m"));
});

test("the supply of the machine is a limit where it is asked for", { skip }, async (t) => {
  const place = new Accounting(t, 0);
  const as = ["setpriv", `--reuid=${BOB}`, "--clear-groups", program("memory-words")];
  await using bob = await place.words([], as);
  await place.write("swap", "overcommit 5");
  const [, supply] = /^supply (\d+)$/m.exec(await place.cat("swap"))!;
  const pages = Math.floor(Number(supply) / 4096);
  assert.equal(await bob.ask(`map ${pages} 3`), "ENOMEM");
  assert.match(await place.cat(`${bob.pid}/nomem`), /^\d+\.\d{3} mmap \d+ supply \d+ \d+$/m);
  await bob.do(`map ${Math.floor(pages / 2)} 3`);
  await assert.rejects(place.write("swap", "overcommit 8"), /EINVAL/);
  await place.write("swap", "overcommit 2");
  assert.match(await place.cat("swap"), /^total \d+\nreserved \d+\novercommit 2\nsupply \d+\n$/);
});

test("a set-id program below root's command keeps its rights, and its memory is the real uid's", { skip }, (t) => {
  const place = new Accounting(t, 0);
  const id = join(place.dir, "id");
  copyFileSync(spawnSync("sh", ["-c", "command -v id"], { encoding: "utf8" }).stdout.trim(), id);
  chmodSync(id, 0o4755);
  const ran = place.run("-w", "64m", "--count-only", "--", "setpriv", `--reuid=${ALICE}`, "--clear-groups", id);
  assert.match(ran.out, new RegExp(`uid=${ALICE}.* euid=0\\(root\\)`), ran.err);
});

test("-w as root, whom it does not bind, is refused in a line; a limit too small to begin with as well", {
  skip,
}, (t) => {
  const place = new Accounting(t, 0);
  const said = (...args: string[]): string => {
    const { code, out, err } = place.run(...args, "--", "echo", "ran");
    assert.deepEqual([code, out], [126, ""]);
    return err;
  };
  assert.match(
    said("-w", "64m"),
    /^lyonnais: run echo: EPERM: -w does not bind root, .*: say -j, which does, or --count-only\n$/,
  );
  assert.match(said("-j", "64k"), /^lyonnais: run echo: EINVAL: with 64k no program can begin: say 1m or more\n$/);
  for (const args of [
    ["-w", "64m", "--count-only"],
    ["-w", "64m", "-j", "64m"],
    ["-j", "1m"],
    ["-w", "infinity"],
  ]) {
    assert.deepEqual(place.run(...args, "--", "echo", "ran"), { code: 0, signal: null, out: "ran\n", err: "" });
  }
});

test("a root's daemon that is killed leaves other users' processes what they have: limit, payer, charge", {
  skip,
}, async (t) => {
  const place = new Accounting(t, 0);
  await using words = await place.words(
    ["-w", "64m", "--count-only"],
    ["setpriv", `--reuid=${ALICE}`, "--clear-groups", program("memory-words")],
  );
  await words.do("map 3000 3");
  const before = reservedByKernel(words.pid);
  const limits = await place.cat(`${words.pid}/rlimit`);
  const daemon = await place.daemon();
  process.kill(daemon, "SIGKILL");
  await untilAsync(async () => (await place.daemon()) !== daemon, "another daemon");
  await place.reconnect();
  // It has not called since.
  assert.equal(await place.cat(`${words.pid}/rlimit`), limits);
  // A stranger's map is read elsewhere, and what cannot be had in time is not waited for.
  await untilAsync(async () => (await place.reserved(ALICE)) === before, "its figure");
  assert.equal(await words.ask("map 14000 3"), "ENOMEM");
  assert.equal(await place.cat("accounts-check"), "");
});

test("descriptors of another user's process that has threads are read by a thread that may wait, and judged as exactly", {
  skip,
}, async (t) => {
  const place = new Accounting(t, 0);
  const command = ["setpriv", `--reuid=${ALICE}`, "--clear-groups", program("memory-words")];
  await using words = await place.words(["-j", "64m"], command);
  await words.do("thread");
  assert.equal(await words.ask("zero 20000 1"), "ENOMEM");
  const before = await place.reserved(ALICE);
  await words.do("zero 5000 1");
  assert.equal(await place.reserved(ALICE), before + 5000);
  const file = await words.do("memfd");
  assert.equal(await words.ask(`truncate ${file} 12000`), "ENOMEM");
  await words.do(`truncate ${file} 5000`);
  // What files such a process has is known from the last look at it: the next one sees this.
  await untilAsync(async () => (await place.reserved(ALICE)) === before + 10_000, "the file's charge");
  assert.equal(await place.cat("accounts-check"), "");
});
