/** What others who count memory by trapping calls have got wrong, each once. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Accounting, reservedByKernel, UID, type Words } from "../support/limited.ts";
import { untilAsync } from "../support/target.ts";

const MIB = 256;

/** Pages that still fit, by the kernel's figures. */
const room = (words: Words, limitMiB: number): number => limitMiB * MIB - reservedByKernel(words.pid);

async function meetsItsLimit(words: Words, limitMiB: number): Promise<void> {
  const left = room(words, limitMiB);
  assert.equal(await words.ask(`map ${left + 1} 3`), "ENOMEM");
  const slot = await words.do(`map ${left} 3`);
  await words.do(`unmap ${slot} 0 ${left}`);
}

test("exec takes the data segment and everything else of the old program off the account", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "128m"]);
  for (let i = 0; i < 5; i++) {
    await words.do("brk 20000");
    await words.do("map 10000 3");
    assert.equal(await words.ask("exec"), "ready");
  }
  assert.equal(await place.reserved(), reservedByKernel(words.pid));
  await meetsItsLimit(words, 128);
});

test("children that are dead have given everything back", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "256m"]);
  await words.do("map 16384 3");
  for (let i = 0; i < 10; i++) await words.do("forkexit");
  for (let i = 0; i < 10; i++) {
    await words.do("fork");
    await words.do("reap");
  }
  await untilAsync(async () => (await place.reserved()) === reservedByKernel(words.pid), "the children's charges back");
  await meetsItsLimit(words, 256);
});

test("unmapping what was free gives nothing back", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "128m"]);
  for (const free of ["map 30000 0", "map 30000 1", "map 30000 3 16384"]) {
    const slot = await words.do(free);
    await words.do(`unmap ${slot} 0 30000`);
  }
  const memfd = await words.do("memfd");
  await words.do(`truncate ${memfd} 100`);
  const mapped = await words.do(`file 100 3 1 ${memfd}`);
  await words.do(`unmap ${mapped} 0 100`);
  await words.do(`close ${memfd}`);
  await meetsItsLimit(words, 128);
});

test("threads have one data segment together, and are no processes", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "256m"]);
  for (let i = 0; i < 8; i++) await words.do("thread");
  await words.do("churn 8 50");
  await words.do("brk 1000");
  assert.equal(await place.reserved(), reservedByKernel(words.pid));
  assert.match(await place.cat("accounts"), new RegExp(`^${UID} \\d+ 268435456 \\d+ \\d+ 1 `, "m"));
  await meetsItsLimit(words, 256);
});

test("address space that is only reserved is free; what becomes writable of it is not", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "64m"]);
  const arena = await words.do("map 4000000 0"); // 16 GB, as a garbage collector takes them
  await words.do(`protect ${arena} 0 10000 3`);
  assert.equal(await words.ask(`protect ${arena} 10000 10000 3`), "ENOMEM");
  await words.do(`protect ${arena} 0 10000 0`);
  assert.equal(await place.reserved(), reservedByKernel(words.pid));
});

test("/dev/zero is anonymous memory by another name", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "64m"]);
  assert.equal(await words.ask("zero 20000"), "ENOMEM");
  await words.do("zero 10000");
});

test("the limit is what the file says now", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "64m:1g"]);
  assert.equal(await words.ask("map 20000 3"), "ENOMEM");
  assert.equal(place.command("write", `${words.pid}/rlimit`, "swap 134217728 1g").code, 1);
  assert.deepEqual(place.command("write", `${words.pid}/rlimit`, "swap 134217728 1073741824").err, "");
  await words.do("map 20000 3");
  assert.match(place.command("write", `${words.pid}/rlimit`, "swap 0 2147483648").err, /EPERM/);
  assert.equal(place.command("write", `${words.pid}/rlimit`, "swap 0 0").err, "");
  assert.equal(await words.ask("map 1 3"), "ENOMEM");
});

test("a daemon that does not answer lets nothing through: the call waits", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "64m"]);
  const daemon = await place.daemon();
  process.kill(daemon, "SIGSTOP");
  try {
    const answer = words.ask("map 20000 3");
    const call = (): string => readFileSync(`/proc/${words.pid}/syscall`, "latin1");
    await untilAsync(async () => /^9 0x0 0x4e20000 /.test(call()), "the call waits");
    assert.match(call(), /^9 /, "and goes on waiting");
    process.kill(daemon, "SIGCONT");
    assert.equal(await answer, "ENOMEM");
  } finally {
    process.kill(daemon, "SIGCONT");
  }
});

test("a refused command fails as it does without us, and says so by its exit code", (t) => {
  const place = new Accounting(t);
  const ran = place.run("-w", "32m", "--", "python3", "-c", "bytearray(1 << 30)");
  assert.equal(ran.code, 1);
  assert.match(ran.err, /MemoryError/);
  assert.equal(ran.signal, null);
});

test("a second supervisor is refused clearly", async (t) => {
  const place = new Accounting(t);
  const other = new Accounting(t);
  const { LYONNAIS } = await import("../support/limited.ts");
  const ran = place.run(
    "--",
    "env",
    `LYONNAIS_RUNTIME_DIR=${other.env["LYONNAIS_RUNTIME_DIR"]}`,
    LYONNAIS,
    "run",
    "true",
  );
  assert.equal(ran.code, 126);
  assert.match(ran.err, /^lyonnais: run true: EBUSY: another program supervises the calls of this one; /);
});

/** Each for two seconds by two processes; they expect to be refused memory now and then. */
const STRESSORS = ["brk", "mmap", "mremap", "malloc", "fork", "mmapfork", "shm-sysv", "vm"];
const HAS_STRESS = spawnSync("stress-ng", ["--version"]).status === 0;

for (const stressor of STRESSORS) {
  test(`stress-ng ${stressor}: no drift, and no more than the limit`, {
    skip: HAS_STRESS ? false : "needs stress-ng",
  }, async (t) => {
    const place = new Accounting(t);
    place.command("daemon");
    const stress = ["stress-ng", "--quiet", "--temp-path", `${place.dir}/own`, `--${stressor}`, "2", "--timeout", "2s"];
    const ran = place.run("-w", "256m", "--", ...stress);
    // Two that want more than there is: some of them call it a failure of theirs when they are told so.
    const wasRefused = /^(stress-ng: fail: .*errno=12 \(Cannot allocate memory\)\s*)+$/.test(ran.err);
    assert.deepEqual([wasRefused ? 0 : ran.code, ran.signal], [0, null], ran.err);
    await untilAsync(async () => (await place.reserved()) === 0, "everything given back");
    assert.equal(await place.cat("accounts-check"), "");
    const [, peak] = new RegExp(`^${UID} 0 -1 (\\d+) `, "m").exec(await place.cat("accounts"))!;
    // Stacks grow unasked, and a program's own parts come with exec.
    assert.ok(Number(peak) > 0 && Number(peak) <= (256 + 1) * 1024 * 1024, peak);
  });
}

test("a daemon without a descriptor left answers every call, says so, and goes on", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "64m"]);
  const daemon = await place.daemon();
  const log = join(place.dir, "own", "lyonnais", "server.log");
  const limit = (count: number): void => {
    const ran = spawnSync("prlimit", ["--pid", `${daemon}`, `--nofile=${count}:`], {
      ...place.options,
      encoding: "utf8",
    });
    assert.equal(ran.stderr, "");
  };
  limit(3);
  // What it is cannot be found out: it goes on, and is charged.
  await words.do("map 17000 3");
  limit(4096);
  assert.equal(await words.ask("map 1 3"), "ENOMEM");
  assert.equal(await place.daemon(), daemon);
  assert.match(readFileSync(log, "utf8"), /^lyonnais: internal error: mmap of thread \d+, which goes on: .*EMFILE/m);
  assert.equal(await place.cat("accounts-check"), "");
  // Here it is as it should be.
  writeFileSync(log, "");
});
