import assert from "node:assert/strict";
import { test } from "node:test";
import type { Vma } from "../../core/space/ports.ts";
import { merged, pack, unpack } from "./vma-codec.ts";

const PLAIN: Vma = {
  ...{ start: 0, end: 1, accounted: true, accountable: true, dontCopy: false, stack: false, heap: false },
  ...{ named: false, hidden: false, object: undefined, objectPages: 1 },
};

test("a map that goes from thread to thread arrives as it was", () => {
  const vmas: Vma[] = [
    { ...PLAIN, start: 1, end: 2 ** 35 },
    { ...PLAIN, start: 2 ** 35, end: 2 ** 35 + 7, accounted: false, object: "file 0:1:77", objectPages: 9 },
    { ...PLAIN, start: 2 ** 35 + 7, end: 2 ** 35 + 9, stack: true, hidden: true, dontCopy: true },
  ];
  assert.deepEqual(unpack(structuredClone(pack(vmas))), vmas);
});

test("neighbours are one where they are charged alike, and lie at the same place", () => {
  const at = (start: number, end: number, rest: Partial<Vma> = {}): Vma => ({ ...PLAIN, ...rest, start, end });
  assert.deepEqual(
    merged([
      at(0, 4),
      at(4, 6),
      at(7, 9),
      at(9, 10, { accounted: false }),
      at(10, 12, { heap: true }),
      at(12, 13, { heap: true }),
      at(13, 14, { object: "a" }),
      at(14, 15, { object: "a" }),
    ]).map(({ start, end }) => [start, end]),
    [
      [0, 6],
      [7, 9],
      [9, 10],
      [10, 12],
      [12, 13],
      [13, 14],
      [14, 15],
    ],
  );
});
