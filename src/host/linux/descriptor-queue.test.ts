import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { test } from "node:test";
import { SOCK_NONBLOCK, SOCK_STREAM, sendDescriptor, socketPair } from "./descriptor-message.ts";
import { DescriptorQueue } from "./descriptor-queue.ts";

/** What a successor would find; the copies are closed. */
function found(queue: DescriptorQueue): string[] {
  const { held } = DescriptorQueue.adopt(queue.ends);
  for (const fd of held.values()) closeSync(fd);
  return [...held.keys()];
}

test("what is held is found, as often as it is looked for, and is the same file", () => {
  const queue = DescriptorQueue.create(1000);
  const fd = openSync("/proc/self/exe", "r");
  queue.hold("one", fd);
  queue.hold("two", 0);
  const { ino, dev } = fstatSync(fd);
  closeSync(fd);
  for (let i = 0; i < 3; i++) assert.deepEqual(found(queue), ["one", "two"]);
  const { held } = DescriptorQueue.adopt(queue.ends);
  const again = fstatSync(held.get("one")!);
  assert.deepEqual([again.ino, again.dev], [ino, dev]);
  for (const copy of held.values()) closeSync(copy);
  queue.close();
});

test("a drop closes the copy, wherever it is in the queue, and leaves the others", () => {
  const queue = DescriptorQueue.create(1000);
  const lines = ["a", "b", "c", "d"].map((name) => {
    const [ours, theirs] = socketPair(SOCK_STREAM | SOCK_NONBLOCK);
    queue.hold(name, theirs);
    closeSync(theirs);
    return { name, ours };
  });
  const closed = (fd: number): boolean => {
    try {
      return readSync(fd, Buffer.alloc(1)) === 0;
    } catch {
      return false;
    }
  };
  const left = new Set(["a", "b", "c", "d"]);
  for (const dropped of ["c", "a", "d", "none", "b"]) {
    queue.drop(dropped);
    left.delete(dropped);
    assert.deepEqual(found(queue).sort(), [...left]);
    for (const { name, ours } of lines) assert.equal(closed(ours), !left.has(name), `${name} after ${dropped}`);
  }
  assert.equal(queue.size, 0);
  for (const { ours } of lines) closeSync(ours);
  queue.close();
});

test("a successor of one that was killed in the middle of a drop finds each name once", () => {
  const queue = DescriptorQueue.create(1000);
  for (const name of ["a", "b", "c"]) queue.hold(name, 0);
  // What is done to drop b, up to the moment: the copy of a is made, the first message is still there.
  sendDescriptor(queue.ends[0], "a", 0);
  const { queue: next, held } = DescriptorQueue.adopt(queue.ends);
  for (const fd of held.values()) closeSync(fd);
  assert.deepEqual([...held.keys()].sort(), ["a", "b", "c"]);
  next.drop("a");
  assert.deepEqual(found(next), ["b", "c"]);
  queue.close();
});

test("refusals, each with its error, change nothing; a full queue can still be emptied", () => {
  const queue = DescriptorQueue.create(1000);
  queue.hold("a", 0);
  const code = (wanted: string) => (error: unknown) => (error as { code: string }).code === wanted;
  assert.throws(() => queue.hold("a", 0), code("EEXIST"));
  assert.throws(() => queue.hold("", 0), code("EINVAL"));
  assert.throws(() => queue.hold("x".repeat(256), 0), code("ENAMETOOLONG"));
  assert.throws(() => queue.hold("b", 1_000_000), code("EBADF"));
  assert.deepEqual(found(queue), ["a"]);
  const longest = (i: number): string => String(i).padStart(255, "x");
  let count = 0;
  assert.throws(() => {
    for (; count < 100_000; count++) queue.hold(longest(count), 0);
  }, code("ENOSPC"));
  assert.ok(count >= 200, `${count}`);
  queue.drop(longest(count - 1));
  queue.drop(longest(0));
  assert.equal(queue.size, count - 1);
  for (let i = 1; i < count - 1; i++) queue.drop(longest(i));
  assert.deepEqual(found(queue), ["a"]);
  queue.close();
});
