import assert from "node:assert/strict";
import { test } from "node:test";
import { Errno } from "../base/errno.ts";
import { Parked } from "./parked.ts";
import { perform, type Steps, step } from "./steps.ts";

function* sum(...parts: (number | Parked<number>)[]): Steps<number> {
  let total = 0;
  for (const part of parts) total += yield* step(part);
  return total;
}

/** What became of a parked outcome so far. */
function fate(outcome: unknown): unknown[] {
  const told: unknown[] = [];
  (outcome as Parked<unknown>).listen({ settled: (value) => told.push(value), failed: ({ code }) => told.push(code) });
  return told;
}

test("steps that need not wait are an immediate value, or throw", () => {
  assert.equal(perform(sum(1, 2, 3)), 6);
  const ended = new Parked<number>();
  ended.settle(4);
  assert.equal(perform(sum(1, ended)), 5);
  const failed = new Parked<number>();
  failed.fail(new Errno("EIO", "no"));
  assert.throws(() => perform(sum(failed)), { code: "EIO" });
});

test("steps that wait go on where they were", () => {
  const [first, second] = [new Parked<number>(), new Parked<number>()];
  const told = fate(perform(sum(first, 10, second)));
  first.settle(1);
  assert.deepEqual(told, []);
  second.settle(2);
  assert.deepEqual(told, [13]);
});

test("an interrupt is seen by the steps, which still tidy up", () => {
  const waiting = new Parked<number>();
  const tidied: string[] = [];
  function* careful(): Steps<number> {
    try {
      return yield* sum(waiting);
    } catch (error) {
      tidied.push((error as Errno).code);
      throw error;
    }
  }
  const outcome = perform(careful()) as Parked<number>;
  const told = fate(outcome);
  outcome.interrupt();
  assert.deepEqual([tidied, told], [["EINTR"], ["EINTR"]]);
});

test("a defect in a step that comes later ends the request, not the server", () => {
  const waiting = new Parked<number>();
  function* broken(): Steps<number> {
    yield* step(waiting);
    throw new TypeError("oops");
  }
  const told = fate(perform(broken()));
  waiting.settle(1);
  assert.deepEqual(told, ["EIO"]);
});
