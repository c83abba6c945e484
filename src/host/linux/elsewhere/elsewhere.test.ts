/** Whose turn it is on the threads that wait for processes, and what is told to those who get none. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { BEGUN, makeWords, release, TOY_KIT, type ToyJobs } from "../../../../test/support/toy-jobs.ts";
import type { Tid } from "../../../core/base/brand.ts";
import { Errno } from "../../../core/base/errno.ts";
import { toPromise } from "../../../core/vfs/parked.ts";
import { Elsewhere, type JobTarget } from "./elsewhere.ts";
import type { JobArguments, JobKit, JobName } from "./kit.ts";
import { Lane } from "./lane.ts";

const LIMIT = { timeout: 30_000 };
const VICTIM = 900;

const processOf = (owner: number, pid: number): JobTarget => ({
  pid,
  isOwn: () => false,
  owner: () => ({ uid: owner }),
  alive: () => true,
});

class Toy {
  readonly bugs: unknown[] = [];
  readonly #elsewhere: Elsewhere<ToyJobs>;
  readonly #words: Int32Array[] = [];

  constructor(t: TestContext, kit: JobKit<ToyJobs> = TOY_KIT) {
    this.#elsewhere = new Elsewhere(kit, (error) => this.bugs.push(error));
    t.after(() => {
      for (const words of this.#words) release(words);
      this.#elsewhere.close();
    });
  }

  /** Released when the test ends, at the latest. */
  words(): Int32Array {
    const words = makeWords();
    this.#words.push(words);
    return words;
  }

  /** The answer, or the error that it ends with, as a value. */
  async ask<Name extends JobName<ToyJobs>>(
    [owner, pid]: readonly [owner: number, pid: number],
    name: Name,
    args: JobArguments<ToyJobs, Name>,
    { asker = owner, patience = 20_000 } = {},
  ): Promise<unknown> {
    const caller = { tid: 1 as Tid, uid: asker, gid: asker };
    try {
      return await toPromise(this.#elsewhere.do(processOf(owner, pid), caller, name, args, { patience }));
    } catch (error) {
      return error;
    }
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(1);
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

test("processes of one owner that begin to hang in one moment get few threads", LIMIT, async (t) => {
  const toy = new Toy(t);
  // There are as many threads as there may be.
  const first = toy.words();
  const ended = Array.from({ length: 16 }, (_, i) => toy.ask([100 + i, 100 + i], "sleep", { words: first }));
  await until(() => first[BEGUN] === 16);
  release(first);
  await Promise.all(ended);
  for (let owner = 500; owner < 504; owner++) {
    const pids = Array.from({ length: 16 }, (_, i) => owner * 100 + i);
    for (const pid of pids) assert.equal(await toy.ask([owner, pid], "answer", {}), 42);
    const words = toy.words();
    for (const pid of pids) void toy.ask([owner, pid], "sleep", { words });
    assert.equal(await toy.ask([VICTIM, VICTIM], "answer", {}), 42);
    assert.ok(words[BEGUN]! <= 4, `${words[BEGUN]} threads`);
  }
  assert.deepEqual(toy.bugs, []);
});

test("who asks for the first time does not wait behind one who asks all the time", LIMIT, async (t) => {
  const toy = new Toy(t);
  const flooded = Array.from({ length: 40 }, (_, i) => [600 + i, 600 + i] as const);
  for (const target of flooded) assert.equal(await toy.ask(target, "answer", {}), 42);
  const words = toy.words();
  let over = false;
  let answers = 0;
  const flood = flooded.map(async (target) => {
    for (; !over && answers < 1000; answers++) await toy.ask(target, "sleep", { words, ms: 5 }, { asker: 7 });
  });
  await until(() => answers >= 40);
  const before = answers;
  assert.equal(await toy.ask([VICTIM, VICTIM], "answer", {}), 42);
  over = true;
  assert.ok(answers - before <= 40, `${answers - before} others came first`);
  await Promise.all(flood);
});

test("a process that never got a thread is not said to be silent", LIMIT, async (t) => {
  const toy = new Toy(t);
  const words = toy.words();
  for (const pid of [1, 2]) void toy.ask([500, pid], "sleep", { words });
  await until(() => words[BEGUN] === 2);
  let third: unknown = 42;
  // It is answered until the other two are known to hang.
  while (third === 42) third = await toy.ask([500, 3], "answer", {}, { patience: 300 });
  assert.equal(codeOf(third), "EAGAIN");
  assert.match(String(third), /2 is the most: threads of the server that processes of one owner keep waiting/);
});

test("where no thread can be started just now requests wait until one can be", LIMIT, async (t) => {
  let failures = 2;
  const kit = {
    ...TOY_KIT,
    get program() {
      return failures-- > 0 ? new URL("http://127.0.0.1/nothing.js") : TOY_KIT.program;
    },
  };
  const toy = new Toy(t, kit);
  const answers = [1, 2, 3].map((pid) => toy.ask([500, pid], "answer", {}));
  assert.deepEqual(await Promise.all(answers), [42, 42, 42]);
  assert.equal(toy.bugs.length, 2);
});

test("a thread that computes is at work, one that sleeps is not", LIMIT, async (t) => {
  const words = makeWords();
  const idle = makeWords();
  let isReady = false;
  const lane = new Lane(
    TOY_KIT.program,
    () => {
      isReady = true;
    },
    (error) => assert.fail(error),
  );
  t.after(() => {
    release(words);
    release(idle);
    lane.end();
  });
  await until(() => isReady);
  const answered = new Promise((resolve) => lane.do({ name: "compute", args: { words } }, resolve));
  await until(() => words[BEGUN] === 1);
  assert.equal(lane.atWork, true);
  release(words);
  await answered;
  const woken = new Promise((resolve) => lane.do({ name: "sleep", args: { words: idle } }, resolve));
  await until(() => idle[BEGUN] === 1 && !lane.atWork);
  assert.equal(lane.begun, true);
  release(idle);
  await woken;
});

test("a job of a process that has just exited is over, once, wherever that is noticed", (t) => {
  const elsewhere = new Elsewhere(TOY_KIT, (error) => assert.fail(error as Error));
  t.after(() => elsewhere.close());
  const gone = (): never => {
    throw new Errno("ESRCH", "it has exited");
  };
  const caller = { tid: 1 as Tid, uid: 500, gid: 500 };
  for (const [target, options] of [
    [{ ...processOf(500, 50001), isOwn: gone }, {}],
    [{ ...processOf(500, 50001), owner: gone }, {}],
    [{ ...processOf(500, 50001), isOwn: gone, owner: gone }, { own: "elsewhere" }],
  ] as const) {
    let over = 0;
    assert.throws(() => elsewhere.do(target, caller, "answer", {}, { ...options, over: () => over++ }), {
      code: "ESRCH",
    });
    assert.equal(over, 1);
  }
});
