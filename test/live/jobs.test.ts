/** Jobs: the trees of processes that have budgets, what they are told as, and that a budget can be changed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Accounting, LYONNAIS } from "../support/limited.ts";
import { program } from "../support/programs.ts";

const MIB = 256;
const PAGE = 4096;

interface JobLine {
  readonly id: number;
  readonly name: string | null;
  readonly pid: number | null;
  readonly processes: number;
  readonly reserved: number;
  readonly limit: number | null;
  readonly peak: number;
  readonly refusals: number;
}

const jobsOf = (place: Accounting): JobLine[] => JSON.parse(place.command("jobs", "--json").out);

test("a job is told by its name, with what it has, and its budget can be changed while it runs", async (t) => {
  const place = new Accounting(t);
  await using first = await place.words(["-j", "64m", "--name", "first"]);
  await using second = await place.words([]);
  await first.do("fork");
  for (let i = 0; i < 40; i++) await first.do(`map ${MIB} 3`);
  assert.equal(await first.ask(`map ${30 * MIB} 3`), "ENOMEM");

  const [one, two] = jobsOf(place);
  assert.deepEqual([one?.name, one?.pid, one?.processes, one?.limit], ["first", first.pid, 2, 64 << 20]);
  assert.ok(one!.reserved >= 40 << 20 && one!.peak >= one!.reserved && one!.refusals >= 1, JSON.stringify(one));
  assert.deepEqual([two?.name, two?.pid, two?.processes, two?.limit], [null, second.pid, 1, null]);
  assert.match(place.command("jobs").out, /^ID {2}NAME .*\n +\d+ {2}first /);

  const say = (text: string): string => place.command("write", "jobs", text).err;
  assert.equal(say(`${one!.id} limit 256m`), "");
  await first.do(`map ${30 * MIB} 3`);
  assert.equal(say(`${one!.id} limit 32m`), "");
  assert.equal(await first.ask(`map ${MIB} 3`), "ENOMEM");
  assert.match(await place.cat(`${first.pid}/nomem`), new RegExp(` job \\d+ ${32 * MIB * PAGE}\n$`));
  assert.match(say("999 limit 1g"), /ENOENT/);
  assert.match(say(`${one!.id} limit lots`), /EINVAL/);
  assert.match(say(`${one!.id} budget 1g`), /EINVAL/);

  // The next daemon knows all of it.
  const before = await place.daemon();
  await place.reconnect();
  process.kill(before, "SIGKILL");
  assert.notEqual(await place.daemon(), before);
  const [again] = jobsOf(place);
  assert.deepEqual([again?.id, again?.name, again?.pid, again?.limit], [one!.id, "first", first.pid, 32 << 20]);
  assert.equal(await first.ask(`map ${MIB} 3`), "ENOMEM");
});

test("a job ends with its last process; one inside another counts in both", async (t) => {
  const place = new Accounting(t);
  const ran = place.run("-j", "512m", "--name", "whole", "--", "sh", "-c", "true");
  assert.equal(ran.code, 0, ran.err);
  const inner = ["-j", "128m", "--name", "inner", "--", program("memory-words")];
  await using words = await place.words(["-j", "512m", "--name", "outer"], [LYONNAIS, "run", ...inner]);
  await words.do("map 1000 3");
  const [outer, within, ...others] = jobsOf(place);
  assert.deepEqual([outer?.name, within?.name, others], ["outer", "inner", []]);
  assert.deepEqual([outer?.processes, within?.processes, within?.pid], [1, 1, words.pid]);
  assert.ok(within!.reserved >= 1000 * PAGE && outer!.reserved === within!.reserved);
  assert.match(place.run("--name", "no name", "true").err, /say letters, digits/);
  assert.match(place.run("--name", "-x", "true").err, /say letters, digits/);
});
