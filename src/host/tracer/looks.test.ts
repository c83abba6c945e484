import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pid, Tid } from "../../core/base/brand.ts";
import type { Peek } from "../../core/trace/observer.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import { step } from "../../core/vfs/steps.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { Freed } from "./freed.ts";
import { Looks } from "./looks.ts";

const PID = 100 as Pid;
const CALLER: Caller = { tid: 7 as Tid, uid: 0, gid: 0 };
const TARGET = { pid: PID, hasExited: () => false, isKernelThread: () => false } as unknown as LiveProcess;

/** Visits on paper, which end when the test says so; `clears` are the checks that wait. */
function scene() {
  const freed = new Freed();
  const clears: Parked<void>[] = [];
  const begun: Tid[] = [];
  let visit: { readonly tid: Tid; readonly looks: Peek[] } | undefined;
  const peeks = {
    has: () => visit !== undefined,
    join: (_target: LiveProcess, look: Peek, tid = PID as number as Tid) => {
      if (visit?.tid !== tid) return false;
      visit.looks.push(look);
      return true;
    },
    begin: (_target: LiveProcess, look: Peek, tid = PID as number as Tid) => {
      assert.equal(visit, undefined, "one thread of a process at a time");
      begun.push(tid);
      visit = { tid, looks: [look] };
    },
  };
  const looks = new Looks({
    access: { debugThread: () => {} },
    attachments: { get: () => undefined },
    peeks,
    loop: { spin: () => {} },
    freed,
    isSelf: () => false,
    *clear() {
      const cleared = new Parked<void>();
      clears.push(cleared);
      yield* step(cleared);
    },
  });
  const seen: Tid[] = [];
  return {
    clears,
    begun,
    seen,
    look: (tid?: number): void => {
      const outcome: Outcome<Tid> = looks.take(TARGET, [CALLER], (thread) => thread, tid as Tid | undefined);
      assert.ok(outcome instanceof Parked);
      outcome.listen({ settled: (thread) => seen.push(thread), failed: assert.fail });
    },
    /** The thread that is visited has stopped. */
    stops: (): void => {
      const { tid, looks: asked } = visit!;
      visit = undefined;
      const told = asked.map(({ act }) => act(tid));
      freed.tell();
      for (const tell of told) tell();
    },
  };
}

test("a look at another thread waits until the visit of the first is over, and is checked anew", () => {
  const m = scene();
  m.look();
  m.clears[0]!.settle();
  m.look(101);
  assert.deepEqual([m.begun, m.clears.length], [[100], 1]);
  m.stops();
  assert.deepEqual([m.begun, m.clears.length, m.seen], [[100], 2, [100]]);
  m.clears[1]!.settle();
  m.stops();
  assert.deepEqual(
    [m.begun, m.seen],
    [
      [100, 101],
      [100, 101],
    ],
  );
});

test("a look at the thread that is visited goes along with the visit", () => {
  const m = scene();
  m.look(101);
  m.clears[0]!.settle();
  m.look(101);
  m.stops();
  assert.deepEqual([m.begun, m.clears.length, m.seen], [[101], 1, [101, 101]]);
});

test("of several looks that were checked at once one begins; those at other threads follow, one after the other", () => {
  const m = scene();
  for (const tid of [101, 102, 101, 103]) m.look(tid);
  for (const cleared of m.clears.splice(0)) cleared.settle();
  assert.deepEqual(m.begun, [101]);
  while (m.seen.length < 4) {
    m.stops();
    for (const cleared of m.clears.splice(0)) cleared.settle();
  }
  assert.deepEqual(m.seen, [101, 101, 102, 103]);
  assert.deepEqual(m.begun, [101, 102, 103]);
});
