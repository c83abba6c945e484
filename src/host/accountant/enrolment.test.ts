import assert from "node:assert/strict";
import { test } from "node:test";
import { Errno } from "../../core/base/errno.ts";
import { Parked } from "../../core/vfs/parked.ts";
import { type Candidate, Enrolment } from "./enrolment.ts";

const WANTED = 1000;

interface PaperProcess extends Candidate {
  /** Why it cannot be enrolled, each time it is tried; then it can. "never": it does not stop. */
  refusals: (Errno | "never")[];
}

/** Processes on paper, and what is done with them in which order. */
function paper(...processes: readonly PaperProcess[]) {
  const log: string[] = [];
  const accounted = new Set<number>();
  const there = new Map(processes.map((each) => [each.pid, each]));
  const bugs: unknown[] = [];
  const interrupted: number[] = [];
  const unreadable: Errno[] = [];
  let sweeps = 0;
  let running = 0;
  let most = 0;
  const enrolment = new Enrolment({
    pids: () => [...there.keys()],
    look: (pid) => {
      const wrong = unreadable.shift();
      if (wrong) throw wrong;
      return there.get(pid);
    },
    accounted: async () => {
      sweeps++;
      return accounted;
    },
    isWanted: (uid) => uid >= WANTED,
    onBug: (error) => bugs.push(error),
    enrol(pid, sessionOf) {
      const process = there.get(pid);
      if (!process) throw new Errno("ESRCH", "gone");
      log.push(`${pid} of ${sessionOf}`);
      most = Math.max(most, ++running);
      const refusal = process.refusals.shift();
      const enrolled = new Parked<boolean>(() => {
        interrupted.push(pid);
        running--;
      });
      if (refusal === "never") return enrolled;
      setImmediate(() => {
        running--;
        if (refusal) return enrolled.fail(refusal);
        const isNew = !accounted.has(pid);
        accounted.add(pid);
        enrolled.settle(isNew);
      });
      return enrolled;
    },
  });
  return { enrolment, log, accounted, there, bugs, interrupted, unreadable, most: () => most, sweeps: () => sweeps };
}

const process = (pid: number, ppid = 1, uid = WANTED, ...refusals: (Errno | "never")[]): PaperProcess => {
  return { pid, ppid, uid, refusals };
};

/** Resolves when `condition` holds; the timers of enrolment are its own. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("whoever is wanted is enrolled, a parent before its children, eight at a time", async (t) => {
  const others = Array.from({ length: 20 }, (_, i) => process(100 + i));
  const { enrolment, log, most } = paper(process(4, 5), process(5, 6), process(6), process(7, 6, 0), ...others);
  t.after(() => enrolment.close());
  await enrolment.sweep();
  const order = log.map((line) => Number(line.split(" ")[0]));
  assert.equal(order.length, 23);
  assert.ok(order.indexOf(6) < order.indexOf(5) && order.indexOf(5) < order.indexOf(4), log.join());
  assert.equal(most(), 8);
  assert.deepEqual(
    log.filter((line) => line.startsWith("7 ")),
    [],
  );
});

test("children made before their parent came under accounting are found", async (t) => {
  const { enrolment, there, accounted } = paper(process(5));
  t.after(() => enrolment.close());
  enrolment.heard(5, WANTED);
  there.set(6, process(6, 5));
  await until(() => accounted.has(6));
});

test("who cannot be is listed with the reason, tried again, and forgotten when it is or has gone", async (t) => {
  const busy = new Errno("EBUSY", "a debugger has it");
  const { enrolment, there, accounted, bugs } = paper(process(5, 1, WANTED, busy, busy), process(6, 1, WANTED, busy));
  t.after(() => enrolment.close());
  await enrolment.sweep();
  const row = (pid: number) => ({ pid, uid: WANTED, reason: "EBUSY: a debugger has it" });
  assert.deepEqual(enrolment.unaccounted(), [row(5), row(6)]);
  there.delete(6);
  await until(() => accounted.has(5) && enrolment.unaccounted().length === 0);
  assert.deepEqual(enrolment.unaccounted(), []);
  assert.deepEqual(bugs, []);
});

test("who becomes somebody else before its turn is left alone, and nobody comes after the end", async () => {
  const busy = new Errno("EBUSY", "a debugger has it");
  const { enrolment, there, log } = paper(process(5, 1, WANTED, busy));
  there.set(8, process(8, 1, 0));
  enrolment.heard(8, WANTED);
  enrolment.heard(5, 0);
  enrolment.heard(5, WANTED);
  await until(() => enrolment.unaccounted().length > 0);
  there.set(5, process(5, 1, 0));
  await until(() => enrolment.unaccounted().length === 0);
  enrolment.close();
  enrolment.heard(5, WANTED);
  await enrolment.sweep();
  assert.deepEqual(log, ["5 of 1000"]);
});

test("those who cannot be stopped are let go after a second, listed, and keep nobody else from their turn", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const stuck = Array.from({ length: 8 }, (_, i) => process(10 + i, 1, WANTED, "never"));
  const { enrolment, accounted, interrupted, bugs } = paper(...stuck, process(50));
  t.after(() => enrolment.close());
  const swept = enrolment.sweep();
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(accounted.has(50), false);
  t.mock.timers.tick(1000);
  await swept;
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(accounted.has(50), true);
  assert.deepEqual(
    interrupted,
    stuck.map(({ pid }) => pid),
  );
  const reasons = enrolment.unaccounted().map(({ reason }) => reason);
  assert.equal(reasons.length, 8);
  for (const reason of reasons) assert.match(reason, /^ETIMEDOUT: process \d+ could not be stopped within a second$/);
  assert.deepEqual(bugs, []);
});

test("a process that cannot be looked at is listed and tried again, and the sweep goes on without it", async (t) => {
  const { enrolment, unreadable, accounted, bugs } = paper(process(5));
  t.after(() => enrolment.close());
  const full = new Errno("EMFILE", "no descriptor is left");
  unreadable.push(full);
  enrolment.heard(5, WANTED);
  await until(() => enrolment.unaccounted().length > 0);
  assert.deepEqual(enrolment.unaccounted(), [{ pid: 5, uid: WANTED, reason: "EMFILE: no descriptor is left" }]);
  await until(() => accounted.has(5));
  assert.deepEqual(bugs, []);
});

test("in a sweep whoever cannot be looked at is passed by, and looked for again", async (t) => {
  const { enrolment, unreadable, accounted, bugs } = paper(process(5), process(6));
  t.after(() => enrolment.close());
  unreadable.push(new Errno("EMFILE", "no descriptor is left"));
  await enrolment.sweep();
  assert.deepEqual([...accounted], [6]);
  await until(() => accounted.has(5));
  assert.deepEqual(bugs, []);
});

test("who forks and exits before its turn leaves a child that is found", async (t) => {
  const { enrolment, there, accounted } = paper();
  t.after(() => enrolment.close());
  there.set(6, process(6));
  enrolment.heard(5, WANTED);
  await until(() => accounted.has(6));
});

test("everybody is looked for every half minute while that is asked for", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { enrolment, there, accounted, sweeps } = paper();
  t.after(() => enrolment.close());
  enrolment.keepSweeping(true);
  there.set(6, process(6));
  t.mock.timers.tick(30_000);
  await until(() => accounted.has(6));
  enrolment.keepSweeping(false);
  await enrolment.sweep();
  const before = sweeps();
  t.mock.timers.tick(90_000);
  assert.equal(sweeps(), before);
});

test("a sweep that is asked for during another follows it", async (t) => {
  const { enrolment, there, log, accounted } = paper(process(5));
  t.after(() => enrolment.close());
  void enrolment.sweep();
  while (log.length === 0) await Promise.resolve();
  there.set(6, process(6));
  await enrolment.sweep();
  assert.ok(accounted.has(6));
});

test("for lost events everybody is looked for at once, and then once in a second", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { enrolment, sweeps } = paper();
  t.after(() => enrolment.close());
  for (let i = 0; i < 5; i++) {
    enrolment.lost();
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(sweeps(), 1);
  t.mock.timers.tick(1000);
  assert.equal(sweeps(), 2);
});

test("a user with many processes that cannot be stopped does not keep another from his turn", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const stuck = Array.from({ length: 100 }, (_, i) => process(10 + i, 1, WANTED, "never"));
  const { enrolment, there, accounted, most } = paper(...stuck);
  t.after(() => enrolment.close());
  for (const { pid } of stuck) enrolment.heard(pid, WANTED);
  there.set(500, process(500, 1, WANTED + 1));
  enrolment.heard(500, WANTED + 1);
  t.mock.timers.tick(1000);
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(accounted.has(500));
  assert.equal(most(), 8);
});

test("a line of descendants that cannot be stopped does not put off the next sweep", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const line = Array.from({ length: 50 }, (_, i) => process(10 + i, 9 + i, WANTED, "never"));
  const { enrolment, there, accounted } = paper(...line);
  t.after(() => enrolment.close());
  const first = enrolment.sweep();
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(1000);
  await first;
  there.set(500, process(500, 1, WANTED + 1));
  void enrolment.sweep();
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(1000);
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(accounted.has(500));
});
