/** Ways to have more memory than one is charged for; and programs that are hard to see, which are neither let off nor broken. */
import assert from "node:assert/strict";
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Accounting } from "../support/limited.ts";
import { program } from "../support/programs.ts";
import { untilAsync } from "../support/target.ts";

const LIMIT = ["-w", "64m", "--"];
const ESCAPES = program("escapes");
const STATIC = program("escapes", "-static");

/** What each way says under a limit of 64 MiB. */
const REFUSED: readonly (readonly [string, string])[] = [
  ["grows-down", "ENOMEM"],
  ["zero", "ENOMEM"],
  ["upper-half", "ENOMEM"],
  ["keeps-size", "ENOMEM"],
  ["moves-heap", "Invalid argument"],
  ["holes", "got 30\nENOMEM"],
];

test("memory that is asked for in unusual ways is refused as in the usual one", (t) => {
  const place = new Accounting(t);
  place.command("daemon");
  for (const [way, said] of REFUSED) assert.equal(place.run(...LIMIT, ESCAPES, way).out, `${said}\n`, way);
});

test("who has lost its first thread, or its parents, has the limit all the same", (t) => {
  const place = new Accounting(t);
  place.command("daemon");
  for (const way of ["take", "leaderless", "orphan"]) {
    const [, got] = /^got (\d+)\n$/.exec(place.run(...LIMIT, ESCAPES, way).out) ?? [];
    assert.ok(Number(got) > 32 && Number(got) < 64, `${way}: ${got}`);
  }
});

test("the heap is whole after a refusal, also where nobody can see it", (t) => {
  const place = new Accounting(t);
  place.command("daemon");
  for (const way of ["heap", "hidden-heap", "leaderless-heap"]) {
    assert.equal(place.run(...LIMIT, ESCAPES, way).out, "whole 4000\n", way);
  }
});

test("a program that its user may not read has a heap", {
  skip: process.geteuid!() === 0 ? false : "needs somebody else's program",
}, (t) => {
  const place = new Accounting(t);
  place.command("daemon");
  for (const source of [ESCAPES, STATIC]) {
    const path = join(place.dir, "unreadable");
    copyFileSync(source, path);
    chmodSync(path, 0o711);
    assert.equal(place.run("-w", "512m", "--", path, "plain-heap").out, "whole 4000\n");
  }
});

test("memory whose maker has gone is paid for as long as somebody has it", async (t) => {
  const place = new Accounting(t);
  for (const way of ["heir", "heir-of-killed"]) {
    // Its standard input is what it holds: it ends with the first line below.
    const script = `"$0" ${way}; "$0" take`;
    const words = await place.words(["-w", "64m"], ["sh", "-c", `echo ready; (${script})`, ESCAPES]);
    assert.equal(await words.next(), "got 40");
    const [, got] = /^got (\d+)$/.exec(await words.next())!;
    assert.ok(Number(got) < 24, `${way}: ${got}`);
    await words[Symbol.asyncDispose]();
  }
});

test("a file in memory that was only written to is found by who looks, and counts from then on", async (t) => {
  const place = new Accounting(t);
  await using writer = await place.words(["-w", "64m"], [ESCAPES, "writes"]);
  assert.ok((await place.reserved()) >= 40 * 256);
  const [, got] = /^got (\d+)\n$/.exec(place.run(...LIMIT, ESCAPES, "take").out) ?? [];
  assert.ok(Number(got) < 24, got);
  await writer[Symbol.asyncDispose]();
  await untilAsync(async () => (await place.reserved()) === 0, "given back");
});

test("a segment that was removed makes room for the next", (t) => {
  const place = new Accounting(t);
  assert.equal(place.run(...LIMIT, ESCAPES, "segments").out, "made 20\n");
});

test("programs that begin while another is refused are counted when they are whole, and run", async (t) => {
  const place = new Accounting(t);
  await using full = await place.words(["-w", "64m"], [ESCAPES, "refused"]);
  assert.ok(full.pid > 0);
  const ran = place.run("-w", "256m", "--", ESCAPES, "execs", STATIC);
  assert.equal(ran.out, "ran 300\n", ran.err);
  assert.equal(await place.cat("accounts-check"), "");
});
