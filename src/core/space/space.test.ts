/** What one address space is charged: by what was granted, by what its map shows, and to whom. Pages throughout. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PAGE_SIZE } from "../base/size.ts";
import { SwapLedger } from "../charges/swap-ledger.ts";
import { UidInfo } from "../charges/uidinfo.ts";
import { Job } from "./job.ts";
import type { Vma } from "./ports.ts";
import type { Foreign } from "./ranges.ts";
import { Space } from "./space.ts";

/** Where the data segment begins. */
const HEAP = 100;

const vma = (start: number, end: number, over: Partial<Vma> = {}): Vma => ({
  ...{ start, end, accounted: true, accountable: true, dontCopy: false, stack: false, heap: false, named: false },
  ...{ hidden: false, object: undefined, objectPages: 0 },
  ...over,
});
const heap = (pages: number): Vma => vma(HEAP, HEAP + pages, { heap: true });
const stack = (pages: number): Vma => vma(5000 - pages, 5000, { stack: true });

/** A space whose program has just begun, and what it is held against. */
function fresh() {
  const ledger = new SwapLedger();
  const job = new Job(1);
  const [own, other] = [new UidInfo(1000), new UidInfo(2000)] as const;
  const space = new Space(ledger, job, own);
  space.heap.begin(HEAP * PAGE_SIZE);
  const ranges = (): unknown[] => space.foreign.map(({ start, end, payer }) => [start, end, payer.uid]);
  /** Ends of the data segment in pages behind its beginning. */
  const brk = (): number => space.heap.end / PAGE_SIZE - HEAP;
  const moveBrk = (pages: number, need: number): void => {
    space.add(need);
    space.heap.move((HEAP + pages) * PAGE_SIZE, need);
  };
  return { ledger, job, own, other, space, ranges, brk, moveBrk };
}

const foreignTo = (payer: UidInfo, ...ranges: (readonly [number, number])[]): Foreign[] =>
  ranges.map(([start, end]) => ({ start, end, payer }));

test("what is added counts for the space, its payer, its job and the whole, until it is released", () => {
  const { ledger, job, own, space } = fresh();
  space.add(30);
  space.add(-10);
  assert.deepEqual([space.pages, space.own, own.vmsize, job.pages, ledger.reserved], [20, 20, 20, 20, 20]);
  space.release();
  assert.deepEqual([space.pages, own.vmsize, job.pages, ledger.reserved], [0, 0, 0, 0]);
});

test("a look takes on what the map shows and what is under way, and never more than was charged", () => {
  const { space } = fresh();
  space.correct([vma(10, 20)], 0, true);
  assert.deepEqual([space.pages, space.isExact], [10, true]);
  // 5 were granted: they are in the map already, or not yet.
  space.add(5);
  space.correct([vma(10, 20)], 5, false);
  assert.equal(space.pages, 15);
  space.correct([vma(10, 25)], 5, false);
  assert.equal(space.pages, 15);
  space.correct([vma(10, 12), vma(30, 40, { accounted: false })], 0, true);
  assert.equal(space.pages, 2);
  // What the map shows beyond that is there.
  space.correct([vma(10, 50)], 0, true);
  assert.equal(space.pages, 40);
});

test("a stack that has grown counts beside what is under way", () => {
  const { space } = fresh();
  space.correct([stack(10), vma(10, 20)], 0, true);
  space.add(5);
  space.correct([stack(13), vma(10, 20)], 5, false);
  assert.equal(space.pages, 10 + 13 + 5);
  space.correct([stack(13), vma(10, 25)], 5, false);
  assert.equal(space.pages, 10 + 13 + 5);
  space.correct([stack(3), vma(10, 25)], 5, false);
  assert.equal(space.pages, 15 + 3);
});

test("a map that is hidden tells the length, and nothing of whose it is or where the data segment ends", () => {
  const { own, other, space, ranges, brk, moveBrk } = fresh();
  moveBrk(10, 10);
  space.restoreForeign(foreignTo(other, [10, 20]));
  space.correct([vma(0, 50, { hidden: true })], 0, true);
  assert.deepEqual([space.pages, own.vmsize, other.vmsize, space.isExact], [50, 40, 10, false]);
  assert.deepEqual([ranges(), brk(), space.heap.pages], [[[10, 20, 2000]], 10, 10]);
  // Nor is what was charged before an upper bound then.
  space.correct([vma(0, 60)], 20, false);
  assert.equal(space.pages, 80);
});

test("what others pay for is cut to what is still there", () => {
  const { own, other, space, ranges } = fresh();
  space.restoreForeign(foreignTo(other, [10, 30], [40, 50]));
  assert.equal(space.payersChanged, true);
  space.correct([vma(5, 15), vma(20, 25), vma(30, 40), vma(40, 60, { accounted: false })], 0, true);
  assert.deepEqual(ranges(), [
    [10, 15, 2000],
    [20, 25, 2000],
  ]);
  assert.deepEqual([other.vmsize, own.vmsize, space.pages], [10, 15, 25]);
  assert.deepEqual([space.foreignWithin(0, 12), space.foreignWithin(12, 22), space.foreignWithin(15, 20)], [2, 5, 0]);
  assert.equal([...space.charges].length, 2);
  space.correct([vma(5, 10)], 0, true);
  assert.deepEqual([ranges(), other.vmsize], [[], 0]);
  assert.equal([...space.charges].length, 1);
});

test("a fixed mapping takes its range from who has paid for it, in the middle too", () => {
  const { own, other, space, ranges } = fresh();
  space.restoreForeign(foreignTo(other, [10, 30]));
  space.payersChanged = false;
  space.forgetForeign(15, 20);
  assert.deepEqual(ranges(), [
    [10, 15, 2000],
    [20, 30, 2000],
  ]);
  assert.deepEqual([other.vmsize, own.vmsize, space.payersChanged], [15, 0, true]);
  space.forgetForeign(0, 100);
  assert.deepEqual([ranges(), other.vmsize], [[], 0]);
  space.payersChanged = false;
  space.forgetForeign(0, 100);
  assert.equal(space.payersChanged, false);
});

test("what lasts of others' memory is what no fixed mapping that was allowed will replace", () => {
  const { other, space } = fresh();
  space.restoreForeign(foreignTo(other, [10, 30], [40, 50]));
  const lasting = (): unknown[] => space.lastingForeign.map(({ start, end }) => [start, end]);
  // Allowed in another order than they lie.
  space.payersChanged = false;
  const forget = space.expectFixed(25, 45);
  assert.equal(space.payersChanged, true);
  const forgetFirst = space.expectFixed(12, 14);
  assert.deepEqual(lasting(), [
    [10, 12],
    [14, 25],
    [45, 50],
  ]);
  space.payersChanged = false;
  forget();
  assert.equal(space.payersChanged, true);
  forgetFirst();
  assert.deepEqual(lasting(), [
    [10, 30],
    [40, 50],
  ]);
});

test("when the payer changes everything in the map stays with who has paid, in order, and what comes is the next one's", () => {
  const { ledger, job, own, other, space, ranges } = fresh();
  space.restoreForeign(foreignTo(other, [20, 30]));
  space.add(40);
  const third = new UidInfo(3000);
  const map = [vma(10, 40), vma(50, 60, { accounted: false }), vma(70, 90)];
  space.payersChanged = false;
  space.changePayer(third, map, 7, false);
  assert.deepEqual(ranges(), [
    [10, 20, 1000],
    [20, 30, 2000],
    [30, 40, 1000],
    [70, 90, 1000],
  ]);
  assert.deepEqual([own.vmsize, other.vmsize, third.vmsize], [40, 10, 7]);
  assert.deepEqual([space.payer, space.own, space.pages, space.payersChanged], [third, 7, 57, true]);
  assert.deepEqual([job.pages, ledger.reserved], [57, 57]);
  // Who comes back pays for his own without a range of its own.
  space.changePayer(own, map, 0, true);
  assert.deepEqual(ranges(), [[20, 30, 2000]]);
  assert.deepEqual([own.vmsize, other.vmsize, third.vmsize, space.own], [40, 10, 0, 40]);
});

test("a change of the payer is to be written down, though nothing was there", () => {
  const { other, space } = fresh();
  space.changePayer(other, [], 0, true);
  assert.deepEqual([space.payersChanged, space.payer], [true, other]);
});

test("a space that moves to another job takes all of its charges along", () => {
  const { job, own, other, space } = fresh();
  space.add(5);
  space.restoreForeign(foreignTo(other, [10, 20]));
  const next = new Job(2);
  space.moveTo(next);
  assert.deepEqual([job.pages, next.pages, space.job], [0, 15, next]);
  space.add(2);
  space.forgetForeign(10, 15);
  assert.deepEqual([next.pages, own.vmsize, other.vmsize], [12, 7, 5]);
});

test("a child has the pages that it was charged, and its parent's data segment", () => {
  const { own, space, moveBrk } = fresh();
  moveBrk(30, 30);
  space.correct([heap(30), vma(1000, 1050), stack(4)], 0, true);
  const child = space.fork(84);
  assert.deepEqual([child.pages, child.payer, child.job, child.isExact], [84, own, space.job, true]);
  assert.deepEqual([child.heap.end, child.heap.start, child.heap.pages], [space.heap.end, space.heap.start, 30]);
  assert.equal(child.heap.unshownUpTo(HEAP + 35), 5);
  // Its stack is known: only what that grows by is more.
  child.add(3);
  child.correct([heap(30), vma(1000, 1050), stack(6)], 3, false);
  assert.equal(child.pages, 84 + 3 + 2);
  // One that does not get everything may not get the data segment.
  const less = space.fork(74);
  assert.deepEqual([less.heap.pages, less.heap.unshownUpTo(HEAP + 30), less.heap.growth(HEAP + 30)], [20, 10, 10]);
  assert.equal(space.fork(10).heap.pages, 0);
  assert.equal(own.vmsize, 84 + 89 + 74 + 10);
});

test("a child knows where else its data segment may end, and whether that is known at all", () => {
  const { space, brk, moveBrk } = fresh();
  moveBrk(30, 30);
  const child = space.fork(0);
  // The kernel has refused what was granted: the map tells.
  child.correct([], 0, true);
  assert.equal(child.heap.end, HEAP * PAGE_SIZE);
  assert.equal(brk(), 30);
  space.heap.setEndUnknown();
  assert.equal(space.fork(0).heap.isEndAssumed, true);
});

test("the data segment ends where it was moved last, unless the map shows that the kernel has refused that", () => {
  const { space, brk, moveBrk } = fresh();
  const knows = (): number | undefined => space.heap.knownEnd && space.heap.knownEnd / PAGE_SIZE - HEAP;
  assert.equal(knows(), 0);
  moveBrk(10, 10);
  moveBrk(20, 10);
  moveBrk(30, 10);
  assert.deepEqual([brk(), knows(), space.heap.pages, space.heap.moves], [30, undefined, 30, 3]);
  space.correct([heap(20)], 0, false);
  assert.deepEqual([brk(), knows()], [30, undefined]);
  space.correct([heap(20)], 0, true);
  assert.deepEqual([brk(), knows(), space.heap.pages], [20, 20, 20]);
  // It was never said to end there: the program has unmapped the last of it.
  moveBrk(25, 5);
  space.correct([heap(7)], 0, true);
  assert.deepEqual([brk(), knows(), space.heap.pages], [25, 25, 7]);
  space.correct([heap(25)], 0, true);
  assert.equal(brk(), 25);
});

test("an end that the kernel has refused is remembered for sixteen moves", () => {
  for (const moves of [16, 17]) {
    const { space, brk, moveBrk } = fresh();
    moveBrk(1, 1);
    space.correct([heap(1)], 0, true);
    for (let i = 1; i <= moves; i++) moveBrk(1 + i, 1);
    space.correct([heap(1)], 0, true);
    assert.equal(brk(), moves === 16 ? 1 : 18, `${moves} moves`);
  }
});

test("of several ends on the same page the last one counts", () => {
  const { space } = fresh();
  const at = (pages: number, more: number): number => (HEAP + pages) * PAGE_SIZE - more;
  space.heap.move(at(1, 100), 1);
  space.heap.move(at(1, 50), 0);
  space.heap.move(at(2, 0), 1);
  space.add(2);
  space.correct([heap(1)], 0, true);
  assert.equal(space.heap.end, at(1, 50));
});

test("a program that is met when it has begun: where its data segment ends the map tells, or a call", () => {
  const { space, brk, moveBrk } = fresh();
  space.heap.beginRunning(HEAP * PAGE_SIZE);
  assert.deepEqual([space.heap.isEndAssumed, space.heap.knownEnd], [true, undefined]);
  space.correct([heap(12)], 0, true);
  assert.deepEqual([brk(), space.heap.isEndAssumed, space.heap.knownEnd], [12, false, (HEAP + 12) * PAGE_SIZE]);
  space.heap.setEndUnknown();
  assert.deepEqual([space.heap.isEndAssumed, space.heap.knownEnd], [true, undefined]);
  moveBrk(20, 8);
  assert.equal(space.heap.isEndAssumed, false);
  space.correct([heap(15)], 0, true);
  assert.equal(brk(), 15);
  space.heap.beginRunning(0);
  assert.equal(space.heap.knownEnd, undefined);
});

test("a program that nobody has looked at tells where its data segment begins when that is asked for, once", () => {
  let asked = 0;
  const image = {
    get startBrk(): number {
      asked++;
      return 7 * PAGE_SIZE;
    },
  };
  for (const first of ["start", "end"] as const) {
    const { space } = fresh();
    asked = 0;
    space.heap.beginUnread(image);
    assert.equal(asked, 0);
    assert.equal(space.heap[first], 7 * PAGE_SIZE);
    assert.deepEqual([space.heap.end, space.heap.start, asked], [7 * PAGE_SIZE, 7 * PAGE_SIZE, 1]);
  }
});

test("a data segment grows from what is charged of it, and what calls under way take away it brings again", () => {
  const { space, moveBrk } = fresh();
  assert.deepEqual([space.heap.growth(HEAP + 5), space.heap.growth(HEAP - 5)], [5, 0]);
  moveBrk(20, 20);
  assert.deepEqual([space.heap.growth(HEAP + 25), space.heap.growth(HEAP + 15)], [5, 0]);
  assert.equal(space.heap.unshownUpTo(HEAP + 25), 25);
  space.correct([heap(20)], 0, true);
  assert.equal(space.heap.unshownUpTo(HEAP + 25), 5);
  // It may shrink to 8 in between.
  moveBrk(8, 0);
  assert.equal(space.heap.unshownUpTo(HEAP + 25), 17);
  moveBrk(30, 10);
  space.correct([heap(20)], 10, false);
  assert.equal(space.heap.unshownUpTo(HEAP + 30), 22);
  space.correct([heap(30)], 0, true);
  assert.equal(space.heap.unshownUpTo(HEAP + 30), 0);
  // Below its beginning there is nothing that could have been seen.
  space.heap.move((HEAP - 3) * PAGE_SIZE, 0);
  assert.equal(space.heap.unshownUpTo(HEAP), 0);
});

test("a move of the data segment that did not happen leaves what was there", () => {
  const { space, brk, moveBrk } = fresh();
  moveBrk(10, 10);
  const before = space.heap.end;
  moveBrk(25, 15);
  space.add(-15);
  space.heap.moveBack(before, 15);
  assert.deepEqual([brk(), space.heap.pages, space.heap.growth(HEAP + 12)], [10, 10, 2]);
});

test("what is moved out of the data segment leaves room in it; what lies elsewhere does not", () => {
  const { space, moveBrk } = fresh();
  moveBrk(20, 20);
  space.correct([heap(20)], 0, true);
  for (const start of [HEAP - 1, HEAP + 20, 5000]) {
    space.heap.leavesHole(start, 5);
    assert.deepEqual([space.heap.pages, space.heap.unshownUpTo(HEAP + 20)], [20, 0], `at ${start}`);
  }
  space.heap.leavesHole(HEAP, 5);
  assert.deepEqual([space.heap.pages, space.heap.unshownUpTo(HEAP + 20), space.heap.growth(HEAP + 20)], [15, 5, 5]);
  space.heap.leavesHole(HEAP + 19, 3);
  assert.deepEqual([space.heap.pages, space.heap.unshownUpTo(HEAP + 20)], [12, 8]);
  space.heap.leavesHole(HEAP + 1, 500);
  assert.deepEqual([space.heap.pages, space.heap.unshownUpTo(HEAP + 20)], [0, 20]);
});

test("a new program has an empty data segment, whatever the one before had", () => {
  const { space, brk, moveBrk } = fresh();
  moveBrk(20, 20);
  space.correct([heap(20)], 0, true);
  moveBrk(5, 0);
  space.heap.begin(HEAP * PAGE_SIZE);
  assert.deepEqual(
    [brk(), space.heap.pages, space.heap.unshownUpTo(HEAP + 9), space.heap.knownEnd],
    [0, 0, 9, HEAP * PAGE_SIZE],
  );
  space.correct([heap(9)], 0, true);
  assert.equal(space.heap.unshownUpTo(HEAP + 9), 0);
});
