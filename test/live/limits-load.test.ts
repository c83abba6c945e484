/** The accounts under load: threads, signals, a daemon that is killed, commands within commands. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Accounting, reservedAtOnce, reservedByKernel, UID } from "../support/limited.ts";
import { program } from "../support/programs.ts";
import { seeded } from "../support/seeded.ts";
import { Target, untilAsync } from "../support/target.ts";

test("eight threads map and unmap at once: nothing drifts, nothing is refused that fits", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "256m"]);
  assert.equal(await words.do("churn 8 2000"), 0);
  assert.equal(await place.reserved(), reservedByKernel(words.pid));
  assert.equal(await place.cat("accounts-check"), "");
});

test("at the limit many are refused, and the kernel's figure never exceeds it", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "100m"]);
  await words.do("churn 4 1"); // the threads' stacks and arenas
  const room = 25600 - reservedByKernel(words.pid);
  await words.do(`map ${room - 100} 3`);
  let highest = 0;
  let going = true;
  const watching = (async () => {
    while (going) {
      highest = Math.max(highest, reservedAtOnce(words.pid));
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const refused = await words.do("churn 4 500");
  going = false;
  await watching;
  assert.ok(highest > 25_000 && highest <= 25_600, `${highest} pages`);
  assert.ok(refused > 0);
  assert.equal(await place.reserved(), reservedByKernel(words.pid));
  assert.equal(await place.cat("accounts-check"), "");
});

test("100,000 signals during notifications leave the accounts as they were", { timeout: 120_000 }, async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "64m"]);
  await words.do("signals 100 20000");
  const before = await place.reserved();
  assert.equal(await words.do("signals 100000 15000"), 0);
  assert.equal(await place.reserved(), before);
  assert.equal(before, reservedByKernel(words.pid));
  assert.equal(await place.cat("accounts-check"), "");
});

test("the daemon is killed 100 times at random moments: no call fails, no charge is lost", {
  timeout: 300_000,
}, async (t) => {
  const place = new Accounting(t);
  await place.patientDaemon();
  await using words = await place.words(["-w", "64m"]);
  await using quiet = await place.words(["-w", "64m"]);
  await quiet.do("map 3000 3");
  await quiet.do("share 500");
  const forked = await quiet.do("fork");
  const expected = (): number => reservedByKernel(words.pid, quiet.pid, forked) + 500;
  let ended = false;
  const churning = (async () => {
    for (let round = 0; !ended; round++) {
      assert.equal(await words.ask("churn 2 100"), "0", `round ${round}`);
      assert.equal(await words.ask("forkexit"), "0", `round ${round}`);
    }
  })();
  const daemons = new Set<number>();
  const seed = Number(process.env["LYONNAIS_SEED"] ?? 72);
  t.diagnostic(`LYONNAIS_SEED=${seed}`);
  const random = seeded(seed);
  for (let i = 0; i < 100; i++) {
    const daemon = await place.daemon();
    daemons.add(daemon);
    await pause(random(60));
    process.kill(daemon, "SIGKILL");
    await untilAsync(async () => (await place.daemon()) !== daemon, "another daemon");
    if (i % 20 === 0) {
      await place.reconnect();
      assert.equal(await place.cat("accounts-check"), "");
    }
  }
  ended = true;
  await churning;
  await place.reconnect();
  assert.equal(await place.cat("accounts-check"), "");
  assert.equal(await place.reserved(), expected());
  assert.equal(await quiet.ask("map 10000 3"), "ENOMEM", "the limit is still there");
  assert.ok(daemons.size >= 90, `${daemons.size} daemons`);
});

test("stop is refused while commands run; --force lifts their limits and they go on", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "16m"]);
  assert.equal(await words.ask("map 5000 3"), "ENOMEM");
  assert.match(
    place.command("stop").err,
    /^lyonnais: stop: EBUSY: 1 command is under limits: stop --force lifts them\n$/,
  );
  assert.deepEqual(place.command("stop", "--force"), { code: 0, out: "", err: "" });
  await words.do("map 5000 3");
  await words.do("forkexit");
  await words[Symbol.asyncDispose]();
  await untilAsync(async () => /ESRCH/.test(place.command("stop").err), "the end of the daemon");
});

test("a daemon that was stopped and waits for the last command is not taken for one that serves", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "16m"]);
  await using other = await Target.start("sleeper", { uid: UID });
  assert.equal(place.command("stop", "--force").code, 0);
  const { code, err } = place.command("daemon");
  assert.match(err, /^lyonnais: daemon: EBUSY: the daemon was stopped: it has lifted all limits[^\n]*\n$/);
  assert.equal(code, 1);
  const socket = join(place.dir, "own", "containers");
  assert.match(place.command("agent", "--listen", socket).err, /EBUSY: the daemon was stopped/);
  assert.equal(existsSync(socket), false);
  assert.match(place.run("-w", "16m", "--", "true").err, /EBUSY: the daemon was stopped/);
  assert.match(place.command("write", `${other.pid}/ctl`, "account").err, /EBUSY: the daemon was stopped/);
  assert.match(readFileSync(`/proc/${other.pid}/status`, "latin1"), /^Seccomp:\t0$/m, "it is under no filter");
  await words.do("map 5000 3");
  // Whoever is connected does not keep it.
  await place.cat("accounts");
  const daemon = await place.daemon();
  await words[Symbol.asyncDispose]();
  await untilAsync(async () => !existsSync(`/proc/${daemon}`), "the end of the daemon");
});

test("run within run: a smaller job inside, a limit that only falls", async (t) => {
  const place = new Accounting(t);
  const inner = `"$0" run -j 8m -w 1g -- "$1"`;
  const { LYONNAIS } = await import("../support/limited.ts");
  await using words = await place.words(
    ["-w", "2g:4g", "-j", "1g"],
    ["sh", "-c", inner, LYONNAIS, program("memory-words")],
  );
  const pid = await words.do("pid");
  assert.match(await place.cat(`${pid}/rlimit`), /^swap 1073741824 1073741824$/m);
  assert.equal(await words.ask("map 2048 3"), "ENOMEM");
  assert.match(await place.cat(`${pid}/nomem`), / mmap 8388608 job \d+ 8388608$/m);
  await words.do("map 1000 3");
  assert.match(place.command("write", `${pid}/rlimit`, "swap infinity").err, /EPERM/);
  assert.equal(place.command("write", `${pid}/rlimit`, "swap 4194304").err, "");
  assert.equal(await words.ask("map 1 3"), "ENOMEM");
});
