/** RLIMIT_SWAP on real programs, with the kernel's own figures as the oracle. Runs as an ordinary user. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Accounting, accountable, reservedByKernel, UID } from "../support/limited.ts";
import { seeded } from "../support/seeded.ts";
import { untilAsync } from "../support/target.ts";

const MIB = 256;

test("each kind of memory is charged as the kernel counts it", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words([]);
  const same = async (step: string): Promise<void> =>
    assert.equal(await place.reserved(), reservedByKernel(words.pid), step);
  const grows = async (line: string, pages: number): Promise<number> => {
    const before = await place.reserved();
    const result = await words.do(line);
    assert.equal((await place.reserved()) - before, pages, line);
    await same(line);
    return result;
  };
  await same("at first");
  const rw = await grows("map 100 3", 100);
  const none = await grows("map 5000 0", 0);
  await grows("map 70 1", 0);
  await grows("map 4000 3 16384", 0); // MAP_NORESERVE
  await grows("zero 30", 30);
  await grows(`protect ${none} 10 20 3`, 20);
  await grows(`protect ${none} 10 20 3`, 0);
  await grows(`protect ${none} 0 40 3`, 20);
  await grows(`touch ${rw}`, 0);
  await grows(`unmap ${rw} 90 10`, -10);
  await grows(`remap ${rw} 200`, 110);
  await grows(`remap ${rw} 50`, -150);
  await grows(`over ${rw} 10 20`, 0);
  await grows(`unmap ${rw} 0 50`, -50);
  await grows("brk 40", 40);
  await grows("brk -30", -30);
  await grows("vfork", 0);
  await grows("clonevm", 0);
  await grows("forkexit", 0);
  await grows("int80map 17", 17);
  await grows("badexec", 0).catch((error: Error) => assert.match(error.message, /badexec: errno 2/));
  assert.equal(await place.cat("accounts-check"), "");
});

test("shared memory is charged once, to its maker, for its size", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words([]);
  const base = await place.reserved();
  const more = async (): Promise<number> => (await place.reserved()) - base;
  const shared = await words.do("share 100");
  assert.equal(await more(), 100);
  const child = await words.do("fork");
  assert.equal(await place.reserved(), 100 + reservedByKernel(words.pid, child));
  await words.do("reap");
  await untilAsync(async () => (await more()) === 100, "the child's charge back");
  await words.do(`unmap ${shared} 0 100`);
  assert.equal(await more(), 0);

  const segment = await words.do("shmget 50");
  assert.equal(await more(), 50);
  await words.do(`shmat ${segment}`);
  assert.equal(await more(), 50);
  await words.do(`shmrm ${segment}`);

  const memfd = await words.do("memfd");
  await words.do(`truncate ${memfd} 60`);
  assert.equal(await more(), 110);
  await words.do(`truncate ${memfd} 20`);
  assert.equal(await more(), 70);
  const mapped = await words.do(`file 20 3 1 ${memfd}`);
  await words.do(`close ${memfd}`);
  assert.equal(await more(), 70);
  await words.do(`unmap ${mapped} 0 20`);
  assert.equal(await more(), 50);
  assert.equal(await place.cat("accounts-check"), "");
});

test("a fork is charged before it happens, and given back when the child is gone, or is another program", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "64m"]);
  await words.do("map 8200 3");
  assert.equal(await words.ask("fork"), "ENOMEM");
  assert.match(await place.cat(`${words.pid}/nomem`), /^\d+\.\d{3} (clone|fork) 3\d{7} rlimit 3\d{7} 67108864\n$/);
  assert.equal(await words.ask("vfork"), "0");
  assert.equal(await words.ask("clonevm"), "0");
  await words.do("unmap 0 0 2000");
  const child = await words.do("fork");
  assert.equal(await place.reserved(), reservedByKernel(words.pid, child));
  assert.equal(await words.ask("fork"), "ENOMEM");
  await words.do("reap");
  for (let i = 0; i < 20; i++) await words.do("forkexit");
  assert.equal(await words.ask("exec"), "ready");
  assert.equal(await words.ask("pages 0"), "0");
  assert.ok((await place.reserved()) < 300);
  assert.equal(await place.reserved(), reservedByKernel(words.pid));
});

test("the limit is met to the page, by each call that can grow", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "64m"]);
  const limit = 64 * MIB;
  const room = (): number => limit - reservedByKernel(words.pid);
  const none = await words.do("map 20000 0");
  const one = await words.do("map 1 3");
  /** How so many pages come, and go; `slot` is what the program called them. */
  const growths: readonly [string, (pages: number) => string, (pages: number, slot: number) => string][] = [
    ["map", (pages) => `map ${pages} 3`, (pages, slot) => `unmap ${slot} 0 ${pages}`],
    ["brk", (pages) => `brk ${pages}`, (pages) => `brk -${pages}`],
    ["remap", (pages) => `remap ${one} ${pages + 1}`, () => `remap ${one} 1`],
    ["share", (pages) => `share ${pages}`, (pages, slot) => `unmap ${slot} 0 ${pages}`],
    ["protect", (pages) => `protect ${none} 0 ${pages} 3`, (pages) => `unmap ${none} 0 ${pages}`],
    ["int80map", (pages) => `int80map ${pages}`, () => "pid"],
  ];
  for (const [name, come, go] of growths) {
    const pages = room();
    assert.ok(pages > 10_000, name);
    assert.equal(await words.ask(come(pages + 1)), "ENOMEM", `${name}: one too many`);
    assert.equal(room(), pages, `${name}: nothing has come`);
    const slot = Number(await words.ask(come(pages)));
    assert.ok(slot >= 0, `${name}: what fits`);
    // The kernel says of the object, not of its mappings, that shared memory is reserved.
    if (name !== "share") assert.equal(room(), 0, name);
    assert.equal(await words.ask("map 1 3"), "ENOMEM", `${name}: nothing more`);
    assert.equal(await place.reserved(), limit);
    await words.do(go(pages, slot));
  }
  assert.match(await place.cat(`${words.pid}/nomem`), /^\d+\.\d{3} brk \d+ rlimit \d+ 67108864$/m);
});

test("two runs of one uid share its total, a job's budget is its own", async (t) => {
  const place = new Accounting(t);
  await using first = await place.words(["-w", "64m"]);
  await using second = await place.words(["-w", "64m"]);
  await first.do("map 10000 3");
  assert.equal(await second.ask("map 8000 3"), "ENOMEM");
  await first.do("unmap 0 0 10000");
  await second.do("map 8000 3");
  await using job = await place.words(["-j", "16m"]);
  assert.equal(await job.ask("map 4200 3"), "ENOMEM");
  await job.do("map 3000 3");
  assert.equal(await job.ask("fork"), "ENOMEM");
  assert.match(await place.cat(`${job.pid}/nomem`), / job \d+ 16777216$/m);
  await first.do("map 4000 3");
  const row = (await place.cat("accounts")).split("\n").find((line) => line.startsWith(`${UID} `))!;
  assert.match(row, /^\d+ \d+ 67108864 \d+ 3 3 /);
});

test("a command sees what it would see without", async (t) => {
  const place = new Accounting(t);
  const show =
    'echo "$$ $PPID $#"; for f in /proc/$$/fd/*; do basename "$f"; done; ulimit -Sn; grep -E "^(SigIgn|TracerPid)" /proc/$$/status; env | grep -c LYONNAIS_; exit 9';
  const bare = (await import("node:child_process")).spawnSync("sh", ["-c", show], {
    ...place.options,
    encoding: "utf8",
  });
  // With the repair dash, which catches SIGCHLD, would see its tracer.
  const ran = place.run("--no-repair", "--", "sh", "-c", show);
  const comparable = (text: string): string[] => text.split("\n").slice(1);
  assert.deepEqual([ran.code, ran.err], [9, ""]);
  assert.deepEqual(comparable(ran.out), comparable(bare.stdout));
  assert.equal(place.run("--", "sh", "-c", "kill -TERM $$").signal, "SIGTERM");
  assert.deepEqual(
    [place.run("no-such-command").code, place.run("/etc/passwd").code, place.run("-w", "x", "true").code],
    [127, 126, 2],
  );
});

test("python meets MemoryError at the right byte, a shell says why it cannot fork", async (t) => {
  const place = new Accounting(t);
  const grow =
    "import resource\nb=[]\ntry:\n  while True: b.append(bytearray(1<<20))\nexcept MemoryError: print(len(b))";
  const python = place.run("-w", "256m", "--", "python3", "-c", grow);
  assert.equal(python.code, 0, python.err);
  assert.ok(Number(python.out) > 235 && Number(python.out) < 256, python.out);
  const shell = place.run("-w", "24m", "--", "bash", "-c", "x=$(printf %10000000s x); ls; echo after");
  assert.match(shell.err, /fork: Cannot allocate memory/);
});

test("a thousand random growths and releases are answered as the kernel's own figures say", async (t) => {
  const place = new Accounting(t);
  const limit = 32 * MIB;
  await using words = await place.words(["-w", "32m"]);
  const random = seeded(20261124);
  const slots = new Map<number, number>();
  const pick = (): number => [...slots.keys()][random(slots.size)]!;
  const none = await words.do("map 4000 0");
  const noneAt = await words.do(`at ${none}`);
  let refusals = 0;
  for (let i = 0; i < 1000; i++) {
    const before = reservedByKernel(words.pid);
    const pages = 1 + random(random(4) === 0 ? 3000 : 300);
    const choice = random(10);
    const slot = slots.size > 0 ? pick() : -1;
    const [line, need] = ((): [string, number] => {
      if (choice < 4 || slot < 0) return [`map ${pages} 3`, pages];
      if (choice === 4) return [`brk ${pages}`, pages];
      if (choice === 5) return [`remap ${slot} ${pages}`, Math.max(0, pages - slots.get(slot)!)];
      if (choice === 6) {
        const [at, count, rights] = [random(3000), 1 + random(1000), random(2) === 0 ? 3 : 0];
        const more = rights === 0 ? 0 : count - countedByKernel(words.pid, noneAt + at, count);
        return [`protect ${none} ${at} ${count} ${rights}`, more];
      }
      if (choice === 7) return ["forkexit", before];
      return [`unmap ${slot} 0 ${slots.get(slot)}`, 0];
    })();
    const answer = await words.ask(line);
    const after = reservedByKernel(words.pid);
    assert.ok(after <= limit, `${i}: ${line}: ${after} pages`);
    assert.equal(answer === "ENOMEM", before + need > limit, `${i}: ${line}: ${answer} at ${before} of ${limit}`);
    if (answer === "ENOMEM") refusals++;
    else if (line.startsWith("map")) slots.set(Number(answer), pages);
    else if (line.startsWith("remap")) slots.set(slot, pages);
    else if (line.startsWith("unmap")) slots.delete(slot);
    if (i % 50 === 0) assert.equal(await place.reserved(), after, `after ${line}`);
  }
  assert.ok(refusals > 50, `${refusals} refusals`);
  assert.equal(await place.cat("accounts-check"), "");
});

/** How many of `pages` pages from page `first` on the kernel counts as reserved. */
function countedByKernel(pid: number, first: number, pages: number): number {
  return accountable(pid).reduce(
    (sum, { start, end }) => sum + Math.max(0, Math.min(end, first + pages) - Math.max(start, first)),
    0,
  );
}
