import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tid } from "../../core/base/brand.ts";
import { WaitLoop } from "./wait-loop.ts";

const STOPPED = 0x057f;
const TIDS = [100, 101, 102] as Tid[];
/** More than a turn hands out; a loop that does not end fails there. */
const MANY = 5000;

test("threads that stop all the time let the event loop turn, and keep no other thread waiting", async () => {
  const seen = new Map<Tid, number>();
  let asked = 0;
  const onBug = (error: unknown): never => assert.fail(error as Error);
  const loop = new WaitLoop(onBug, (tid, into) => {
    assert.ok(++asked < MANY, "the loop does not turn");
    const until = performance.now() + 0.4;
    while (performance.now() < until);
    into.writeInt32LE(STOPPED);
    return tid;
  });
  const traced = {
    handle: (tid: Tid) => void seen.set(tid, (seen.get(tid) ?? 0) + 1),
    vanished: () => assert.fail("it is there"),
  };
  for (const tid of TIDS) loop.add(tid, traced);
  const began = performance.now();
  loop.collect();
  assert.ok(performance.now() - began < 1000);
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  for (const tid of TIDS) assert.ok((seen.get(tid) ?? 0) > 2, `thread ${tid} is asked, too`);
  loop.stop();
});

test("a thread whose stops come only while they are looked for lets the event loop turn, too", async () => {
  let asked = 0;
  let stops = 0;
  let isFresh = true;
  const onBug = (error: unknown): never => assert.fail(error as Error);
  const loop = new WaitLoop(onBug, (tid, into) => {
    asked++;
    const until = performance.now() + 0.02;
    while (performance.now() < until);
    // Not there when it is asked for first, as the end of a step.
    isFresh = !isFresh;
    if (!isFresh) return 0;
    into.writeInt32LE(STOPPED);
    return tid;
  });
  const tid = TIDS[0]!;
  const handle = (): void => {
    stops++;
    loop.expect(tid);
  };
  loop.add(tid, { handle, vanished: () => assert.fail("it is there") });
  loop.expect(tid);
  for (let turns = 0; turns < 10_000 && stops < 500; turns++) {
    const before = asked;
    loop.collect();
    assert.ok(asked - before < 100, "a turn takes a millisecond, in which there is time for 50");
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(stops >= 500, "it goes on in the next turn");
  loop.stop();
});
