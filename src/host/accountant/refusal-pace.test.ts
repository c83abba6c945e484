import assert from "node:assert/strict";
import { test } from "node:test";
import type { Listener } from "./listener.ts";
import { RefusalPace } from "./refusal-pace.ts";

const [one, other] = [{}, {}] as [Listener, Listener];

test("who calls alone is refused at once, however often", () => {
  const pace = new RefusalPace(() => 5);
  pace.called(one);
  for (let i = 0; i < 100; i++) assert.equal(pace.until(one), 0);
});

test("beside others the fifth refusal of a moment waits for its end, and theirs do not", () => {
  let now = 100;
  const pace = new RefusalPace(() => now);
  pace.called(other);
  pace.called(one);
  assert.deepEqual(
    Array.from({ length: 6 }, () => pace.until(one)),
    [0, 0, 0, 0, 102, 102],
  );
  assert.equal(pace.until(other), 0);
  now = 102;
  assert.equal(pace.until(one), 0);
});

test("others that have not called for a while hold up nobody", () => {
  let now = 100;
  const pace = new RefusalPace(() => now);
  pace.called(other);
  pace.called(one);
  now = 111;
  for (let i = 0; i < 100; i++) assert.equal(pace.until(one), 0);
});
