/** The lines of the file `map` with who pays for them, where one mapping is paid for by several. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SmapsEntry } from "../../core/abi/text/smaps.ts";
import type { MapLine } from "../../core/vm/map-line.ts";
import { linesOf } from "./paid-lines.ts";
import type { Payment } from "./requests.ts";

const PAGE = 4096;
const FIGURES = "Rss: 8 kB\nAnonymous: 8 kB\nSwap: 0 kB\n";
const entry = (start: number, end: number, over: Partial<SmapsEntry> = {}): SmapsEntry => ({
  ...{ start: start * PAGE, end: end * PAGE, rights: "rw-p", offset: 0, device: "00:00", inode: 0, path: "" },
  ...{ flags: "rd wr ac ", figures: FIGURES },
  ...over,
});

/** What `foreign` is: start and end as pages, uid. */
type Foreign = readonly (readonly [start: number, end: number, uid: number])[];

function lines(entries: readonly SmapsEntry[], foreign: Foreign, over: Partial<Payment> = {}): MapLine[] {
  const payment: Payment = { payer: 1000, foreign: Float64Array.from(foreign.flat()), objects: new Map(), ...over };
  const residentOf = (start: number, end: number) => ({ resident: end - start, exclusive: 1 });
  return [...linesOf(entries, payment, residentOf)];
}

/** `start-end uid` of each line, in pages. */
const who = (all: readonly MapLine[]): string[] =>
  all.map(({ start, end, payer }) => `${start / PAGE}-${end / PAGE} ${payer ?? -1}`);

test("a mapping that one has paid for is one line, of whoever that is", () => {
  assert.deepEqual(who(lines([entry(10, 20)], [])), ["10-20 1000"]);
  assert.deepEqual(who(lines([entry(10, 20)], [[10, 20, 7]])), ["10-20 7"]);
  assert.deepEqual(who(lines([entry(10, 20)], [[5, 30, 7]])), ["10-20 7"]);
  assert.deepEqual(
    who(
      lines([entry(10, 20)], [
        [0, 10, 7],
        [20, 30, 8],
      ] as const),
    ),
    ["10-20 1000"],
  );
});

test("one that several have paid for is a line for each part, in order and without a gap", () => {
  const foreign = [
    [5, 12, 7],
    [14, 16, 8],
    [16, 17, 7],
    [28, 40, 9],
  ] as const;
  assert.deepEqual(who(lines([entry(10, 20), entry(20, 24), entry(26, 30)], foreign)), [
    ...["10-12 7", "12-14 1000", "14-16 8", "16-17 7", "17-20 1000"],
    ...["20-24 1000", "26-28 1000", "28-30 9"],
  ]);
});

test("a part has its own pages in memory, and an object of its own where the mapping has", () => {
  const parts = lines([entry(10, 20)], [[12, 15, 7]]);
  assert.deepEqual(
    parts.map(({ object, resident, privateResident }) => [object / PAGE, resident, privateResident]),
    [
      [10, 2, 1],
      [12, 3, 1],
      [15, 5, 1],
    ],
  );
  const file = lines([entry(10, 20, { inode: 9, path: "/lib" })], [[12, 15, 7]]);
  assert.deepEqual(
    file.map(({ object }) => object),
    [9, 9, 9],
  );
});

test("memory that nobody is charged for, or of a process that is not under accounting, has no payer", () => {
  const free = entry(10, 20, { flags: "rd wr nr " });
  assert.deepEqual(who(lines([free], [[10, 20, 7]])), ["10-20 -1"]);
  assert.deepEqual(who(lines([entry(10, 20)], [], { payer: undefined })), ["10-20 -1"]);
});

test("shared memory is paid for by whoever made it, where that is known", () => {
  const shared = entry(10, 20, { rights: "rw-s", flags: "rd wr sh ", path: "/dev/zero (deleted)", inode: 5 });
  assert.deepEqual(who(lines([shared], [], { objects: new Map([["zero 00:00:5", 2000]]) })), ["10-20 2000"]);
  assert.deepEqual(who(lines([shared], [])), ["10-20 -1"]);
});
