/** Who comes under the administrator's limits, and how: by becoming the user, by being there, by logging in. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { Administered, fill, MIB, statusOf, wordsOf } from "../support/administered.ts";
import { isAlive } from "../support/daemon-place.ts";
import { Accounting } from "../support/limited.ts";
import { until, untilAsync } from "../support/target.ts";

const skip = process.geteuid!() === 0 ? false : "needs root";
const ALICE = 61111;
const BOB = 61112;
const LIMITS = [`[user.${ALICE}]`, 'swap = "64m"'];

const isAccounted = (pid: number): boolean => statusOf(pid, "Seccomp") === "2";

async function accounted(place: Administered, pid: number): Promise<void> {
  await untilAsync(async () => /^swap \d+ \d+$/m.test(await place.cat(`${pid}/rlimit`)), `process ${pid} has a limit`);
}

test("whoever becomes a user with limits is held to them, with the children it has made; nobody else is", {
  skip,
}, async (t) => {
  const place = new Administered(t, ...LIMITS);
  place.start();
  await using bob = await wordsOf(BOB);
  await using alice = await wordsOf(ALICE, ["sh", "-c", "sleep 1000 & echo $!; read line; exec sleep 1000"]);
  await accounted(place, alice.pid);
  await using words = await wordsOf(ALICE);
  await accounted(place, words.pid);
  const pages = await fill(words);
  assert.ok(pages > 16 * MIB && pages <= 64 * MIB, `${pages}`);
  for (let i = 0; i < 100; i++) await bob.do(`map ${MIB} 3`);
  assert.equal(isAccounted(bob.pid), false);
  assert.deepEqual(await place.observed(), []);
});

test("what runs when the daemon begins is one session, parents and children, and has its budget together", {
  skip,
}, async (t) => {
  const place = new Administered(t, `[user.${ALICE}]`, 'job = "64m"');
  await using parent = await wordsOf(ALICE);
  const child = await parent.do("fork");
  await using other = await wordsOf(ALICE);
  place.start();
  for (const pid of [parent.pid, child, other.pid]) {
    await until(() => isAccounted(pid), `process ${pid} is under the filter`);
  }
  await untilAsync(async () => (await place.cat("accounts")).includes(`\n${ALICE} `), "its account");
  await untilAsync(async () => / 3 0 0\n$/.test(await rowOf(place)), "three are under accounting");
  const together = await fill(parent);
  assert.ok(together > 16 * MIB && together <= 64 * MIB, `${together}`);
  assert.match(await place.cat(`${parent.pid}/nomem`), / job \d+ 67108864\n$/);
  const alone = await fill(other);
  assert.ok(alone >= together, `${alone}`);

  place.rewrite(`[user.${ALICE}]`, 'job = "96m"');
  assert.equal(place.command("limits", "reload").code, 0);
  assert.ok((await fill(parent)) >= 31 * MIB);
});

async function rowOf(place: Administered): Promise<string> {
  return new RegExp(`^${ALICE} .*\n`, "m").exec(await place.cat("accounts"))?.[0] ?? "";
}

test("a login's process keeps its privileges, and what it becomes is the user's session", { skip }, async (t) => {
  const place = new Administered(t, `[user.${ALICE}]`, 'swap = "64m"', 'enrol = "login"');
  place.start();
  await using login = await wordsOf(0);
  assert.deepEqual(place.command("enrol", `${login.pid}`, "--user", String(ALICE)), { code: 0, out: "", err: "" });
  assert.equal(isAccounted(login.pid), true);
  assert.equal(statusOf(login.pid, "NoNewPrivs"), "0");
  await login.do(`setuid ${ALICE}`);
  const pages = await fill(login);
  assert.ok(pages > 16 * MIB && pages <= 64 * MIB, `${pages}`);
  await using stray = await wordsOf(ALICE);
  await using bob = await wordsOf(0);
  assert.equal(place.command("enrol", `${bob.pid}`, "-u", String(BOB)).code, 0);
  assert.deepEqual([isAccounted(stray.pid), isAccounted(bob.pid)], [false, false]);
});

test("pam_exec's ends and who is unknown: nothing, and why", { skip }, (t) => {
  const place = new Administered(t, ...LIMITS);
  const pam = (env: NodeJS.ProcessEnv, ...args: string[]) => {
    Object.assign(place.env, env);
    return place.command("enrol", ...args);
  };
  assert.match(pam({}).err, /^lyonnais: enrol: ESRCH: no daemon of this user runs/);
  place.start();
  assert.deepEqual(pam({ PAM_TYPE: "close_session", PAM_USER: "nobody-there" }), { code: 0, out: "", err: "" });
  assert.match(pam({ PAM_TYPE: "open_session" }).err, /^lyonnais: enrol: ENOENT: there is no user nobody-there/);
  assert.match(pam({ PAM_USER: String(ALICE) }, "4194304").err, /^lyonnais: enrol 4194304: ESRCH: /);
  assert.match(pam({}, "0x1").err, /say the number of a process/);
});

test("who is under another listener is listed with the reason, and taken when that is gone", { skip }, async (t) => {
  const own = new Accounting(t, ALICE);
  await using words = await own.words(["-w", "1g"]);
  const place = new Administered(t, ...LIMITS);
  place.start();
  const row = new RegExp(`^${words.pid} ${ALICE} EBUSY: process \\d+ is already under a filter with a listener`);
  await untilAsync(async () => (await place.observed()).some((line) => row.test(line)), "it is listed");
  await words[Symbol.asyncDispose]();
  await untilAsync(async () => !(await place.observed()).some((line) => row.test(line)), "it is listed no more");
});

test("logins while the daemon is killed again and again: nobody is left out, nobody is stuck", { skip }, async (t) => {
  const place = new Administered(t, ...LIMITS);
  place.start();
  const logins: Awaited<ReturnType<typeof wordsOf>>[] = [];
  try {
    for (let i = 0; i < 24; i++) {
      const before = i % 8 === 4 ? await place.daemon() : 0;
      const coming = wordsOf(ALICE);
      if (before > 0) process.kill(before, "SIGKILL");
      logins.push(await coming);
    }
    await place.reconnect();
    await place.daemon();
    for (const { pid } of logins) await until(() => isAccounted(pid), `process ${pid} is under the filter`);
    await untilAsync(async () => new RegExp(` ${logins.length} 0 0\n$`).test(await rowOf(place)), "all are accounted");
    for (const login of logins) assert.match(await login.ask("map 1 3"), /^(\d+|ENOMEM)$/);
    assert.equal(await place.cat("accounts-check"), "");
  } finally {
    for (const login of logins) await login[Symbol.asyncDispose]();
  }
});

test("stop lifts the limits of who is enrolled, and the daemon ends with the last of them", { skip }, async (t) => {
  const place = new Administered(t, ...LIMITS);
  place.start();
  await using alice = await wordsOf(ALICE);
  await accounted(place, alice.pid);
  assert.match(place.command("stop").err, /EBUSY: 1 command is under limits/);
  const daemon = await place.daemon();
  assert.equal(place.command("stop", "--force").code, 0);
  for (let i = 0; i < 100; i++) await alice.do(`map ${MIB} 3`);
  await using late = await wordsOf(ALICE);
  await late.do("map 1 3");
  await alice[Symbol.asyncDispose]();
  await place.reconnect();
  await until(() => !isAlive(daemon), "the end of the daemon");
  assert.equal(isAccounted(late.pid), false);
});

test("the ways out: another session, a double fork, nohup, a user namespace, a daemon of one's own", {
  skip,
}, async (t) => {
  const place = new Administered(t, ...LIMITS);
  place.start();
  const hog = `python3 -c 'x=bytearray(80<<20);print("escaped")' 2>&1 | tail -1`;
  const ways = [
    hog,
    `setsid -w sh -c "${hog.replaceAll('"', '\\"')}"`,
    `( ( ${hog} ) & wait )`,
    `nohup sh -c "${hog.replaceAll('"', '\\"')}" 2>/dev/null`,
  ];
  await using shell = await wordsOf(ALICE, ["sh", "-c", 'echo ready; while read -r line; do eval "$line"; done']);
  await accounted(place, shell.pid);
  for (const way of ways) assert.equal(await shell.ask(way), "MemoryError", way);
  if (spawnSync("setpriv", ["--reuid", `${ALICE}`, "--clear-groups", "unshare", "-Ur", "true"]).status === 0) {
    assert.equal(await shell.ask(`unshare -Ur sh -c "${hog.replaceAll('"', '\\"')}"`), "MemoryError");
  }
});
