import assert from "node:assert/strict";
import { test } from "node:test";
import { EventLog } from "./event-log.ts";

/** A log at the second 5, and somebody who listens. */
function heard() {
  const log = new EventLog(() => 5);
  let news = 0;
  const stop = log.listen(() => {
    news++;
  });
  return { log, stop, news: () => news };
}

const never = (): string => assert.fail("asked for a line that nobody hears");

test("each reader reads from its own place, in order, with number and time", () => {
  const { log, news } = heard();
  assert.equal(log.next, 1);
  log.add(() => "a");
  log.add(() => "b");
  assert.deepEqual([log.next, news()], [3, 2]);
  assert.equal(log.read(1), "1 5.000000 a\n2 5.000000 b\n");
  assert.equal(log.read(2), "2 5.000000 b\n");
  assert.equal(log.read(3), "");
});

test("where nobody listens events are numbered and not kept; a later reader is told how many were missed", () => {
  const { log, stop } = heard();
  log.add(() => "a");
  stop();
  assert.equal(log.isHeard, false);
  log.add(never);
  assert.deepEqual([log.next, log.read(1), log.read(3)], [3, "missed 2\n", ""]);
  log.listen(() => {});
  log.add(() => "c");
  assert.equal(log.read(2), "missed 1\n3 5.000000 c\n");
  assert.equal(log.read(3), "3 5.000000 c\n");
});

test("as long as one listens everything is kept for it", () => {
  const { log, stop } = heard();
  const other = log.listen(() => {});
  log.add(() => "a");
  stop();
  assert.deepEqual([log.isHeard, log.read(1)], [true, "1 5.000000 a\n"]);
  other();
  assert.equal(log.read(1), "missed 1\n");
});

test("a reader that is far behind gets the last 256 events, and the number of those before", () => {
  const { log } = heard();
  for (let i = 1; i <= 256; i++) log.add(() => String(i));
  assert.equal(log.read(1).split("\n").length, 257);
  log.add(() => "257");
  const lines = log.read(1).split("\n");
  assert.deepEqual([lines[0], lines[1], lines.length], ["missed 1", "2 5.000000 2", 258]);
});

test("the end is told once to all, and nothing comes behind it", () => {
  const { log, news } = heard();
  log.add(() => "a");
  assert.equal(log.ended, false);
  log.end();
  assert.deepEqual([log.ended, news()], [true, 2]);
  log.add(never);
  assert.deepEqual([log.next, log.read(1), news()], [2, "1 5.000000 a\n", 2]);
});
