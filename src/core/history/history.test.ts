import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { BlockWriter, recordCount, recordsIn } from "./block.ts";
import { ByteSink, ByteSource, unzigzag, zigzag } from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import { type FieldType, type HistoryRecord, ROWS, SIZE_UNIT } from "./record.ts";
import { Recording, type Refused } from "./recording.ts";
import { isComplete, KEEPING, superfluous } from "./rotation.ts";
import { blocksOfSegment, SEGMENT_HEAD, segmentName, segmentStart } from "./segment.ts";

const SEED = 20261126;

const anyValue: Record<FieldType, fc.Arbitrary<string | number>> = {
  number: fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 51 })),
  size: fc.oneof(
    fc.constant(Number.POSITIVE_INFINITY),
    fc.integer({ min: 0, max: 2 ** 39 }).map((pages) => pages * SIZE_UNIT),
  ),
  text: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 20 }).map((bytes) => String.fromCharCode(...bytes)),
};

const anyRecord: fc.Arbitrary<HistoryRecord> = fc.oneof(
  ...ROWS.map(({ kind, fields }) =>
    fc.record(
      {
        kind: fc.constant(kind),
        timeMs: fc.integer({ min: 0, max: 2 ** 42 }),
        ...Object.fromEntries(fields.map(([name, type]) => [name, anyValue[type]])),
      },
      { noNullPrototype: true },
    ),
  ),
) as unknown as fc.Arbitrary<HistoryRecord>;

/** A file of these blocks. */
function segment(blocks: readonly (readonly HistoryRecord[])[]): { bytes: Uint8Array; ends: number[] } {
  const writer = new BlockWriter();
  const parts = [SEGMENT_HEAD];
  const ends: number[] = [];
  let length = SEGMENT_HEAD.length;
  for (const records of blocks) {
    for (const record of records) writer.add(record);
    const block = writer.take()!;
    parts.push(block);
    length += block.length;
    ends.push(length);
  }
  return { bytes: Uint8Array.from(Buffer.concat(parts)), ends };
}

const readBack = (bytes: Uint8Array): HistoryRecord[][] =>
  [...blocksOfSegment(bytes)].map((contents) => [...recordsIn(contents)]);

test("what is written is read back, whatever it is", () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyRecord, { minLength: 1, maxLength: 20 }), { maxLength: 5 }), (blocks) => {
      assert.deepEqual(readBack(segment(blocks).bytes), blocks);
    }),
    { seed: SEED },
  );
});

test("whatever numbers a record has, the block is readable, and what follows is as it was written", () => {
  const anyNumber = fc.oneof(
    fc.double(),
    fc.maxSafeInteger(),
    fc.constantFrom(2 ** 52 - 1, 2 ** 52, 2 ** 53, 2 ** 64, Number.MAX_VALUE),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(anyNumber, anyNumber, anyNumber), { minLength: 1, maxLength: 20 }), (all) => {
      const writer = new BlockWriter();
      const known: HistoryRecord = {
        kind: "limit",
        timeMs: 1_800_000_000_000,
        what: "policy",
        soft: SIZE_UNIT,
        hard: SIZE_UNIT,
      };
      for (const [pid, asked, used] of all) {
        writer.add({ ...refusal(used), kind: "refused", pid, asked, used, limit: asked, count: 1 });
        writer.add(known);
      }
      const block = writer.take()!;
      const records = [...recordsIn(block.subarray(8))];
      assert.equal(recordCount(block), 2 * all.length);
      assert.deepEqual(
        records.filter((_, i) => i % 2 === 1),
        all.map(() => known),
      );
    }),
    { seed: SEED },
  );
});

test("the largest request that there can be is told as the largest size", () => {
  const writer = new BlockWriter();
  writer.add({ ...refusal(1_800_000_000_000), kind: "refused", asked: (2 ** 52 - 1) * SIZE_UNIT, count: 1 });
  const [record] = [...recordsIn(writer.take()!.subarray(8))];
  assert.ok(record?.kind === "refused" && record.asked >= 2 ** 63 && record.used === 8 * SIZE_UNIT);
});

test("what follows a record that cannot be read counts as one", () => {
  const writer = new BlockWriter();
  writer.add({ kind: "lost", timeMs: 1_800_000_000_000, count: 3 });
  assert.equal(
    recordCount(Uint8Array.from([...writer.take()!, 10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1])),
    2,
  );
});

test("cut at every byte, a file says what was written up to there, and nothing else", () => {
  const blocks = fc.sample(fc.array(anyRecord, { minLength: 1, maxLength: 8 }), { numRuns: 12, seed: SEED });
  const { bytes, ends } = segment(blocks);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const whole = blocks.slice(0, ends.filter((end) => end <= cut).length);
    assert.deepEqual(readBack(bytes.slice(0, cut)), whole, `cut at ${cut}`);
    // As a file system leaves it that had made room for the rest.
    const zeros = new Uint8Array(bytes.length + 64);
    zeros.set(bytes.subarray(0, cut));
    const read = readBack(zeros);
    assert.ok(read.length >= whole.length, `zeros from ${cut}`);
    assert.deepEqual(read, blocks.slice(0, read.length), `zeros from ${cut}`);
  }
});

test("a byte that is another is noticed, and what stands before it is read", () => {
  const blocks = fc.sample(fc.array(anyRecord, { minLength: 1, maxLength: 8 }), { numRuns: 6, seed: SEED + 1 });
  const { bytes, ends } = segment(blocks);
  for (let at = SEGMENT_HEAD.length; at < bytes.length; at++) {
    const altered = bytes.slice();
    altered[at]! ^= 0x41;
    assert.deepEqual(readBack(altered), blocks.slice(0, ends.filter((end) => end <= at).length), `byte ${at}`);
  }
});

test("a record of a kind that came later ends a block, and is no error", () => {
  const known: HistoryRecord = { kind: "lost", timeMs: 1_800_000_000_000, count: 3 };
  const writer = new BlockWriter();
  writer.add(known);
  const contents = [...writer.take()!.subarray(8), 250, 0, 1, 2, 3];
  assert.deepEqual([...recordsIn(Uint8Array.from(contents))], [known]);
});

test("numbers up to 2^53 survive, signs too", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (number) => {
      const half = Math.trunc(number / 4);
      const sink = new ByteSink(32);
      sink.varint(zigzag(half));
      assert.equal(unzigzag(new ByteSource(sink.bytes.subarray(0, sink.length)).varint()), half);
    }),
    { seed: SEED },
  );
});

test("CRC-32 is zlib's", { skip: typeof zlibCrc32 !== "function" && "this Node has none" }, () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => assert.equal(crc32(bytes), zlibCrc32(bytes))),
    { seed: SEED },
  );
  assert.equal(crc32(Uint8Array.from(Buffer.from("123456789"))), 0xcbf43926);
});

const refusal = (timeMs: number, pid = 7): Refused => {
  const sizes = { asked: SIZE_UNIT, used: 8 * SIZE_UNIT, limit: 8 * SIZE_UNIT };
  return { timeMs, pid, uid: 1001, name: "eater", call: "mmap", reason: "rlimit", ...sizes };
};
const countsOf = (blocks: readonly Uint8Array[]): (number | string)[] =>
  blocks.flatMap((block) =>
    [...recordsIn(block.subarray(8))].map((record) => ("count" in record ? record.count : record.kind)),
  );

test("a flood of refusals is a record a second, and none is forgotten", () => {
  const blocks: Uint8Array[] = [];
  const recording = new Recording((block) => blocks.push(block));
  for (let ms = 0; ms < 2500; ms++) recording.refused(refusal(1_800_000_000_000 + ms));
  blocks.push(recording.take(1_800_000_002_500, true)!);
  const counts = countsOf(blocks) as number[];
  assert.ok(counts.length <= 6, `${counts.length} records`);
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    2500,
  );
  assert.equal(recording.hasMore, false);
});

test("more than can be kept of one second is counted as lost", () => {
  const blocks: Uint8Array[] = [];
  const recording = new Recording((block) => blocks.push(block));
  const start = 1_800_000_000_000;
  for (let i = 0; i < 30_000; i++) recording.add({ kind: "became", timeMs: start, pid: i, name: "x" }, i % 10);
  const whose = { uid: 1, reserved: 0, limit: 0, peak: 0 };
  for (let i = 0; i < 10_000; i++) recording.add({ kind: "uid", timeMs: start, ...whose });
  blocks.push(recording.take(start + 2000)!);
  const records = countsOf(blocks);
  assert.deepEqual([records.length, records.at(-1)], [20_001, 20_000]);
  // What anybody can make much of goes first.
  assert.equal(records.filter((record) => record === "became").length, 12_000);
  assert.ok(blocks.every((block) => block.length < 40_000));
});

test("who makes much happen, or is refused in many ways, leaves others their place", () => {
  const blocks: Uint8Array[] = [];
  const recording = new Recording((block) => blocks.push(block));
  const start = 1_800_000_000_000;
  const lives = (uid: number, count: number, timeMs: number): void => {
    for (let pid = 0; pid < count; pid++) recording.add({ kind: "started", timeMs, pid, uid, job: 0, name: "x" }, uid);
  };
  for (let second = 0; second < 60; second++) lives(1001, 5000, start + 1000 * second);
  for (let pid = 0; pid < 1000; pid++) recording.refused(refusal(start + 59_000, pid));
  for (let i = 0; i < 20_000; i++)
    recording.add({ kind: "limit", timeMs: start + 59_000, what: `process ${i}`, soft: 0, hard: 0 });
  lives(1002, 10, start + 59_000);
  recording.refused({ ...refusal(start + 59_000), uid: 1002 });
  recording.add({ kind: "limit", timeMs: start + 59_000, what: "uid 1002", soft: 0, hard: 0 });
  blocks.push(recording.take(start + 61_000)!);
  const records = blocks.flatMap((block) => [...recordsIn(block.subarray(8))]);
  const of = (uid: number, kind: string): number =>
    records.filter((record) => record.kind === kind && "uid" in record && record.uid === uid).length;
  assert.ok(of(1001, "started") <= 10_000 + 60 * 100, `${of(1001, "started")}`);
  assert.deepEqual([of(1001, "refused"), of(1002, "started"), of(1002, "refused")], [256, 10, 1]);
  assert.ok(records.some((record) => record.kind === "limit" && record.what === "uid 1002"));
});

test("the oldest files go when there are too many bytes, or when they are too old; the newest stays", () => {
  const keeping = { ...KEEPING, mostBytes: 100, mostMs: 1000 };
  const file = (start: number, bytes: number) => ({ start, bytes });
  const starts = (files: readonly { start: number }[]) => files.map(({ start }) => start);
  assert.deepEqual(starts(superfluous([file(1, 60), file(3, 50), file(2, 50)], 4, keeping)), [1]);
  assert.deepEqual(starts(superfluous([file(1, 500)], 4, keeping)), []);
  // What a file has last is as old as the beginning of the next one.
  assert.deepEqual(starts(superfluous([file(1, 1), file(500, 1), file(900, 1)], 1501, keeping)), [1]);
  assert.equal(isComplete(file(0, KEEPING.segmentBytes), 0, KEEPING), true);
  assert.equal(isComplete(file(0, 1), KEEPING.segmentMs - 1, KEEPING), false);
});

test("the name of a file is when it begins", () => {
  assert.equal(segmentStart(segmentName(1_800_000_000_000.7)), 1_800_000_000_000);
  for (const name of ["server.log", ".history", "1.history.new"]) assert.equal(segmentStart(name), undefined);
});
