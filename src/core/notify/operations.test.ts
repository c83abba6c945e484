/** What the rows of OPERATIONS tell from a map: pages that an operation adds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PAGE_SIZE } from "../base/size.ts";
import { SwapLedger } from "../charges/swap-ledger.ts";
import { UidInfo } from "../charges/uidinfo.ts";
import { Job } from "../space/job.ts";
import type { Vma } from "../space/ports.ts";
import { dataEnd, outside } from "../space/ranges.ts";
import { Space } from "../space/space.ts";
import type { Operation } from "../trap/operation.ts";
import { OPERATIONS } from "./operations.ts";

const NONE = { stack: false, heap: false, named: false, hidden: false, object: undefined, objectPages: 0 };
const vma = (start: number, end: number, over: Partial<Vma> = {}): Vma => {
  return { start, end, accounted: true, accountable: true, dontCopy: false, ...NONE, ...over };
};
const MAP: readonly Vma[] = [
  vma(10, 20),
  vma(20, 30, { accounted: false }),
  vma(30, 40, { accounted: false, accountable: false }),
  vma(100, 110, { heap: true }),
  vma(110, 112, { named: true }),
  vma(200, 210, { dontCopy: true }),
];

function added(operation: Operation, foreign: readonly (readonly [number, number])[] = []): number {
  const payer = new UidInfo(1);
  const space = new Space(new SwapLedger(), new Job(1), payer);
  space.heap.beginRunning(100 * PAGE_SIZE);
  space.restoreForeign(foreign.map(([start, end]) => ({ start, end, payer: new UidInfo(2) })));
  return OPERATIONS[operation.kind].fromMap!(operation, MAP, space);
}

test("a fixed mapping replaces what its caller has paid for, and nobody else's", () => {
  assert.equal(added({ kind: "map", start: undefined, pages: 15 }), 15);
  assert.equal(added({ kind: "map", start: 15, pages: 15 }), 10);
  assert.equal(added({ kind: "map", start: 15, pages: 15 }, [[18, 20]]), 12);
});

test("mprotect charges what is private and not charged, once", () => {
  assert.equal(added({ kind: "protect", start: 5, pages: 40, grows: false }), 10);
  assert.equal(added({ kind: "protect", start: 25, pages: 2, grows: false }), 2);
  for (const [start, pages] of [
    [25, 10],
    [20, 10],
    [29, 10],
    [30, 0],
    [40, 0],
  ] as const) {
    assert.equal(added({ kind: "protect", start, pages: 1, grows: true }), pages, `from ${start}`);
  }
});

test("mremap of memory that is not charged is free; of other memory its growth, or a copy", () => {
  const remap = (start: number, oldPages: number, newPages: number, keepsOld = false): number =>
    added({ kind: "remap", start, oldPages, newPages, keepsOld });
  assert.deepEqual([remap(10, 10, 25), remap(10, 10, 5), remap(10, 10, 10, true)], [15, 0, 10]);
  assert.deepEqual([remap(20, 10, 25), remap(20, 10, 10, true)], [0, 0]);
});

test("brk adds what lies behind the data segment, named parts of it included", () => {
  const brk = (end: number): number => added({ kind: "brk", end, address: end * PAGE_SIZE });
  assert.deepEqual([brk(120), brk(112), brk(105)], [8, 0, 0]);
});

test("a child costs what it gets", () => {
  assert.equal(added({ kind: "fork", isSibling: false }), 10 + 10 + 2);
});

test("what is left of a range when holes are cut out of it", () => {
  const range = { start: 10, end: 20 };
  const left = (...holes: [number, number][]): number[][] =>
    outside(
      range,
      holes.map(([start, end]) => ({ start, end })),
    ).map(({ start, end }) => [start, end]);
  assert.deepEqual(left(), [[10, 20]]);
  assert.deepEqual(left([0, 10], [20, 30]), [[10, 20]]);
  assert.deepEqual(left([5, 12], [14, 15], [15, 16]), [
    [12, 14],
    [16, 20],
  ]);
  assert.deepEqual(left([0, 100]), []);
  assert.deepEqual(left([0, 5], [25, 30]), [[10, 20]]);
  assert.deepEqual(left([15, 25]), [[10, 15]]);
});

test("the data segment ends behind its last part, and behind named memory that follows without a gap", () => {
  const from = (...vmas: Vma[]): number => dataEnd(vmas, 100 * PAGE_SIZE);
  assert.deepEqual([from(), from(vma(90, 95))], [100, 100]);
  assert.equal(from(vma(100, 105, { heap: true }), vma(107, 110, { heap: true })), 110);
  assert.equal(
    from(vma(100, 105, { heap: true }), vma(105, 107, { named: true }), vma(107, 109, { named: true })),
    109,
  );
  assert.equal(from(vma(100, 105, { heap: true }), vma(105, 107)), 105);
  assert.equal(from(vma(100, 105, { heap: true }), vma(106, 107, { named: true })), 105);
  assert.equal(from(vma(100, 102, { named: true })), 102);
});
