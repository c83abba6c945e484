import assert from "node:assert/strict";
import { test } from "node:test";
import type { SmapsEntry } from "../../core/abi/text/smaps.ts";
import { readSmaps, withoutOverlap } from "./read-smaps.ts";

test("a mapping that grew between two pieces of the text is told once", () => {
  const rest = { rights: "rw-p", offset: 0, device: "00:00", inode: 0, path: "", flags: "", figures: "" };
  const read: SmapsEntry[] = [
    { start: 10, end: 20, ...rest },
    { start: 30, end: 40, ...rest },
    { start: 30, end: 50, ...rest },
    { start: 32, end: 40, ...rest },
    { start: 60, end: 70, ...rest },
  ];
  const spans = withoutOverlap(read).map(({ start, end }) => [start, end]);
  assert.deepEqual(spans, [
    [10, 20],
    [30, 40],
    [40, 50],
    [60, 70],
  ]);
});

test("a text of more bytes than there is room for is refused", () => {
  assert.ok(readSmaps(process.pid).length > 10);
  const room = { most: 1000, what: "bytes of a test", errno: "EMFILE" } as const;
  assert.throws(() => readSmaps(process.pid, { room }), {
    code: "EMFILE",
    reason: "1000 is the most: bytes of a test",
  });
});
