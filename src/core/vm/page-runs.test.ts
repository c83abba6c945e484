import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seedFrom } from "../../../test/support/seeded.ts";
import { PageRuns } from "./page-runs.ts";

const SPAN = 40;

test("a set of pages does what a Set does", () => {
  const range = fc.tuple(fc.nat(SPAN), fc.integer({ min: 1, max: 12 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom("add", "remove"), range)), range, (changes, [from, length]) => {
      const runs = new PageRuns(3, 5);
      const plain = new Set([3, 4]);
      for (const [change, [start, count]] of changes) {
        if (change === "add") runs.add(start, start + count);
        else runs.remove(start, start + count);
        for (let page = start; page < start + count; page++) {
          if (change === "add") plain.add(page);
          else plain.delete(page);
        }
        const pages = [...runs.within(0, 1000)].flatMap(([a, b]) => Array.from({ length: b - a }, (_, i) => a + i));
        assert.deepEqual(
          pages,
          [...plain].sort((a, b) => a - b),
        );
        assert.equal(runs.count, plain.size);
      }
      for (let page = 0; page < SPAN + 12; page++) assert.equal(runs.has(page), plain.has(page));
      const wanted = Array.from({ length }, (_, i) => from + i);
      assert.equal(
        runs.covers(from, from + length),
        wanted.every((page) => plain.has(page)),
      );
      const inside = [...runs.within(from, from + length)].flatMap(([a, b]) =>
        Array.from({ length: b - a }, (_, i) => a + i),
      );
      assert.deepEqual(
        inside,
        wanted.filter((page) => plain.has(page)),
      );
    }),
    { numRuns: 2000, seed: seedFrom(1) },
  );
});
