import assert from "node:assert/strict";
import { test } from "node:test";
import { Errno } from "../../core/base/errno.ts";
import { type Candidate, Enrolment } from "./enrolment.ts";

const WANTED = 1000;

interface PaperProcess extends Candidate {
  /** Why it cannot be enrolled, each time it is tried; then it can. */
  refusals: Errno[];
}

/** Processes on paper, and what is done with them in which order. */
function paper(...processes: readonly PaperProcess[]) {
  const log: string[] = [];
  const accounted = new Set<number>();
  const there = new Map(processes.map((each) => [each.pid, each]));
  const bugs: unknown[] = [];
  let running = 0;
  let most = 0;
  const enrolment = new Enrolment({
    pids: () => [...there.keys()],
    look: (pid) => there.get(pid),
    accounted: async () => accounted,
    isWanted: (uid) => uid === WANTED,
    onBug: (error) => bugs.push(error),
    async enrol(pid, sessionOf) {
      const process = there.get(pid);
      if (!process) throw new Errno("ESRCH", "gone");
      log.push(`${pid} of ${sessionOf}`);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      const refusal = process.refusals.shift();
      if (refusal) throw refusal;
      if (accounted.has(pid)) return false;
      accounted.add(pid);
      return true;
    },
  });
  return { enrolment, log, accounted, there, bugs, most: () => most };
}

const process = (pid: number, ppid = 1, uid = WANTED, ...refusals: Errno[]): PaperProcess => {
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
  assert.deepEqual(enrolment.unaccounted(), [row(5)]);
  await until(() => accounted.has(5));
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
  assert.deepEqual(enrolment.unaccounted(), []);
  enrolment.close();
  enrolment.heard(5, WANTED);
  await enrolment.sweep();
  assert.deepEqual(log, ["5 of 1000"]);
});
