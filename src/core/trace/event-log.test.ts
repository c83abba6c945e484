import assert from "node:assert/strict";
import { test } from "node:test";
import { EventLog } from "./event-log.ts";

/** A log at the second 5, and somebody who listens. */
function heard() {
  const log = new EventLog(() => 5);
  const read = (from: number, room = 1 << 20): string => log.read(from, room).text;
  let news = 0;
  const stop = log.listen(() => {
    news++;
  });
  return { log, read, stop, news: () => news };
}

const never = (): string => assert.fail("asked for a line that nobody hears");

test("each reader reads from its own place, in order, with number and time", () => {
  const { log, read, news } = heard();
  assert.equal(log.next, 1);
  log.add(() => "a");
  log.add(() => "b");
  assert.deepEqual([log.next, news()], [3, 2]);
  assert.equal(read(1), "1 5.000000 a\n2 5.000000 b\n");
  assert.equal(read(2), "2 5.000000 b\n");
  assert.equal(read(3), "");
});

test("where nobody listens events are numbered and not kept; a later reader is told how many were missed", () => {
  const { log, read, stop } = heard();
  log.add(() => "a");
  stop();
  assert.equal(log.isHeard, false);
  log.add(never);
  assert.deepEqual([log.next, read(1), read(3)], [3, "missed 2\n", ""]);
  log.listen(() => {});
  log.add(() => "c");
  assert.equal(read(2), "missed 1\n3 5.000000 c\n");
  assert.equal(read(3), "3 5.000000 c\n");
});

test("as long as one listens everything is kept for it", () => {
  const { log, read, stop } = heard();
  const other = log.listen(() => {});
  log.add(() => "a");
  stop();
  assert.deepEqual([log.isHeard, read(1)], [true, "1 5.000000 a\n"]);
  other();
  assert.equal(read(1), "missed 1\n");
});

test("a reader that is far behind gets the last 256 events, and the number of those before", () => {
  const { log, read } = heard();
  for (let i = 1; i <= 256; i++) log.add(() => String(i));
  assert.equal(read(1).split("\n").length, 257);
  log.add(() => "257");
  const lines = read(1).split("\n");
  assert.deepEqual([lines[0], lines[1], lines.length], ["missed 1", "2 5.000000 2", 258]);
});

test("the end is told once to all, and nothing comes behind it", () => {
  const { log, read, news } = heard();
  log.add(() => "a");
  assert.equal(log.ended, false);
  log.end();
  assert.deepEqual([log.ended, news()], [true, 2]);
  log.add(never);
  assert.deepEqual([log.next, read(1), news()], [2, "1 5.000000 a\n", 2]);
});

test("a read gives whole lines that fit, at least one, and where the reader is then", () => {
  const { log } = heard();
  for (const line of ["a", "b", "c"]) log.add(() => line);
  assert.deepEqual(log.read(1, 1), { text: "1 5.000000 a\n", next: 2 });
  assert.deepEqual(log.read(1, 26), { text: "1 5.000000 a\n2 5.000000 b\n", next: 3 });
  assert.deepEqual(log.read(2, 25), { text: "2 5.000000 b\n", next: 3 });
  assert.deepEqual(log.read(4, 100), { text: "", next: 4 });
});

test("long lines take the place of many: not more than 64 KiB are kept, and the last one whatever its length", () => {
  const { log } = heard();
  for (let i = 1; i <= 10; i++) log.add(() => "x".repeat(16_000));
  const { text, next } = log.read(1, 1 << 20);
  assert.match(text, /^missed 6\n7 /);
  assert.equal(next, 11);
  assert.ok(text.length <= 64 * 1024 + 9);
  log.add(() => "x".repeat(100_000));
  assert.match(log.read(11, 1).text, /^11 /);
  log.add(() => "short");
  assert.equal(log.read(12, 100).text, "12 5.000000 short\n");
});
