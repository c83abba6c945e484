/** The entries of a map with many of them, where they are kept in pieces, held against a sorted array. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seedFrom } from "../../../test/support/seeded.ts";
import { VmMapEntry } from "./entry.ts";
import { EntryList } from "./entry-list.ts";

const SPAN = 1000;

/** A page that no other entry begins at, and where an entry that begins there may end. */
const entryAt = (start: number): VmMapEntry => new VmMapEntry(start, start + 1, 0, 7, 0);

function check(list: EntryList, plain: ReadonlyMap<number, VmMapEntry>): void {
  const sorted = [...plain.values()].sort((a, b) => a.start - b.start);
  assert.deepEqual([...list], sorted);
  assert.equal(list.count, sorted.length);
  assert.equal(list.first, sorted[0]);
  for (const [i, entry] of sorted.entries()) {
    assert.equal(entry.previous, sorted[i - 1]);
    assert.equal(entry.next, sorted[i + 1]);
    assert.equal(list.atOrBelow(entry.start), entry);
    assert.equal(list.atOrBelow(entry.start - 1), sorted[i - 1]);
  }
  assert.equal(list.atOrBelow(SPAN + 1), sorted.at(-1));
}

const CHANGE = fc.tuple(
  fc.oneof(
    { weight: 5, arbitrary: fc.constant("insert") },
    { weight: 3, arbitrary: fc.constantFrom("remove", "lower") },
  ),
  fc.nat(SPAN),
);

test("a list of hundreds of entries does what a sorted array does", () => {
  fc.assert(
    fc.property(fc.nat(300), fc.array(CHANGE, { minLength: 300, maxLength: 500, size: "max" }), (forked, changes) => {
      const list = new EntryList();
      const plain = new Map<number, VmMapEntry>();
      // What a fork appends, and what comes and goes after it.
      for (let i = 0; i < forked; i++) {
        const entry = entryAt(3 * i);
        list.append(entry);
        plain.set(entry.start, entry);
      }
      check(list, plain);
      for (const [change, at] of changes) {
        const there = plain.get(at);
        if (change === "insert" && !there) {
          const entry = entryAt(at);
          list.insert(entry);
          plain.set(at, entry);
        } else if (change === "remove" && there) {
          list.remove(there);
          plain.delete(at);
          assert.deepEqual([there.previous, there.next], [undefined, undefined]);
        } else if (change === "lower" && there && at > 0 && !plain.has(at - 1)) {
          list.lower(there, at - 1);
          plain.delete(at);
          plain.set(at - 1, there);
        }
      }
      check(list, plain);
      for (const entry of plain.values()) list.remove(entry);
      check(list, new Map());
    }),
    { numRuns: 30, seed: seedFrom(1) },
  );
});

test("an entry of another map is not taken for one of this", () => {
  const list = new EntryList();
  list.insert(entryAt(5));
  for (const start of [1, 5, 9]) assert.throws(() => list.remove(entryAt(start)), /not in this map/);
  assert.throws(() => new EntryList().remove(entryAt(5)), /not in this map/);
});
