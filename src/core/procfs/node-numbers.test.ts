import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seedFrom } from "../../../test/support/seeded.ts";
import { asLife, isRoot, nodeMeaning, nodeNumber } from "./node-numbers.ts";

const meaning = fc.record({
  pid: fc.integer({ min: 0, max: 2 ** 22 - 1 }),
  life: fc.maxSafeNat().map(asLife),
  slot: fc.integer({ min: 1, max: 127 }),
  curproc: fc.boolean(),
});

test("a number says what the node is, fits 64 bits, and is never the root's or none", () => {
  fc.assert(
    fc.property(meaning, (node) => {
      const of = { ...node, life: node.pid === 0 ? 0 : node.life };
      const { high, low } = nodeNumber(of);
      assert.deepEqual(nodeMeaning(high, low), of);
      for (const half of [high, low]) assert.ok(Number.isInteger(half) && half >= 0 && half < 2 ** 32);
      assert.ok(!isRoot(high, low) && (high !== 0 || low !== 0));
    }),
    { seed: seedFrom(1) },
  );
});

test("a number that no node has is ESTALE", () => {
  for (const [high, low] of [
    [0, 0],
    [0, 1],
    [7, 2],
    [1, 8 * 9],
    [0, 2 ** 32 + 8],
  ] as const) {
    assert.throws(() => nodeMeaning(high, low), { code: "ESTALE" });
  }
});

test("the root's number is the root's alone; a life is kept to 34 bits", () => {
  assert.deepEqual(
    [
      [0, 1],
      [0, 2],
      [1, 1],
      [1, 0],
    ].map(([high, low]) => isRoot(high!, low!)),
    [true, false, false, false],
  );
  assert.equal(asLife(2 ** 34 + 5), 5);
  assert.equal(asLife(2 ** 34 - 1), 2 ** 34 - 1);
});
