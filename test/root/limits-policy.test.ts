/** The administrator's limits: what a uid may have, said in files, whatever runs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Administered, fill, MIB } from "../support/administered.ts";
import { until } from "../support/target.ts";

const skip = process.geteuid!() === 0 ? false : "needs root";
const ALICE = 61101;
const BOB = 61102;
const PAGE = 4096;

test("a uid has what the file says, another one has what is said of it, and a change holds at once", {
  skip,
}, async (t) => {
  const place = new Administered(t, `[user.${ALICE}]`, 'swap = "64m"');
  place.start();
  await using alice = await place.of(ALICE);
  await using bob = await place.of(BOB);
  const first = await fill(alice);
  assert.ok(first > 32 * MIB && first <= 64 * MIB, `${first}`);
  for (let i = 0; i < 100; i++) await bob.do(`map ${MIB} 3`);
  assert.match(await place.cat(`${alice.pid}/rlimit`), /^swap 67108864 67108864$/m);
  assert.match(await place.cat(`${bob.pid}/rlimit`), /^swap -1 -1$/m);
  assert.match(await place.cat("accounts"), new RegExp(`^${ALICE} \\d+ 67108864 `, "m"));

  // More is there at once, less holds at once, and what is there is kept.
  place.rewrite(`[user.${ALICE}]`, 'swap = "96m"', "[default]", 'swap = "1g"');
  assert.deepEqual(place.command("limits", "reload"), { code: 0, err: "", out: `2 settings from ${place.config}\n` });
  const more = await fill(alice);
  assert.ok(more >= 31 * MIB && more <= 33 * MIB, `${more}`);
  place.rewrite(`[range."${BOB}-${BOB}"]`, 'swap = "32m"');
  assert.equal(place.command("limits", "reload").code, 0);
  assert.equal(await bob.ask(`map ${MIB} 3`), "ENOMEM");
  await alice.do(`map ${MIB} 3`);
  assert.match(
    place.command("limits", "show", String(BOB)).out,
    /^uid 61102\nswap {2}32m {2}.*limits.toml:2:1 {2}\[range\.61102-61102\]\n$/,
  );
});

test("soft and hard: a process may have more than the first and never more than the second", { skip }, async (t) => {
  const place = new Administered(t, `[user.${ALICE}]`, 'swap = "32m:64m"');
  place.start();
  await using alice = await place.of(ALICE);
  assert.match(await place.cat(`${alice.pid}/rlimit`), /^swap 33554432 67108864$/m);
  const soft = await fill(alice);
  await place.write(`${alice.pid}/rlimit`, `swap ${48 * MIB * PAGE} ${1024 * MIB * PAGE}`);
  const more = await fill(alice);
  assert.ok(more >= 15 * MIB && more <= 17 * MIB, `${soft} and ${more}`);
  await place.write(`${alice.pid}/rlimit`, `swap ${1024 * MIB * PAGE} ${1024 * MIB * PAGE}`);
  const most = await fill(alice);
  assert.ok(most >= 15 * MIB && most <= 17 * MIB, `${most}`);
});

test("a broken file changes nothing and says why, by the word, by SIGHUP, and to the daemon after a kill", {
  skip,
}, async (t) => {
  const place = new Administered(t, `[user.${ALICE}]`, 'swap = "64m"');
  place.start();
  await using alice = await place.of(ALICE);
  const daemon = await place.daemon();
  place.rewrite(`[user.${ALICE}]`, 'swop = "1g"');
  const { code, err } = place.command("limits", "reload");
  assert.equal(code, 1);
  assert.match(
    err,
    /^lyonnais: limits reload: EINVAL: \S+limits\.toml:2:1: there is no setting swop; did you mean swap\?\n$/,
  );
  const checked = place.command("limits", "check", place.config);
  assert.equal(checked.code, 1);
  assert.match(checked.out, /^\S+limits\.toml:2:1: there is no setting swop; did you mean swap\?\n$/);
  process.kill(daemon, "SIGHUP");
  await until(() => /limits: EINVAL: \S+:2:1: there is no setting swop/.test(place.log), "what SIGHUP led to");
  assert.match(await place.cat(`${alice.pid}/rlimit`), /^swap 67108864 67108864$/m);

  await place.reconnect();
  process.kill(daemon, "SIGKILL");
  await until(() => /what was good before holds/.test(place.log), "the next daemon");
  assert.notEqual(await place.daemon(), daemon);
  assert.match(await place.cat(`${alice.pid}/rlimit`), /^swap 67108864 67108864$/m);
  const left = await fill(alice);
  assert.ok(left <= 64 * MIB, `${left}`);

  place.rewrite(`[user.${ALICE}]`, 'swap = "128m"');
  process.kill(await place.daemon(), "SIGHUP");
  await until(() => /limits: 1 setting from/.test(place.log), "what SIGHUP led to");
  assert.match(await place.cat(`${alice.pid}/rlimit`), /^swap 134217728 134217728$/m);
});
