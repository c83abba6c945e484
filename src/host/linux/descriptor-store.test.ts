import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { test } from "node:test";
import { SOCK_NONBLOCK, SOCK_STREAM, socketPair } from "./descriptor-message.ts";
import { DescriptorStore } from "./descriptor-store.ts";

const code = (wanted: string) => (error: unknown) => (error as { code: string }).code === wanted;

/** What a successor would find; the copies are closed. */
function found(store: DescriptorStore): string[] {
  const { held } = DescriptorStore.adopt(store.ends);
  for (const fd of held.values()) closeSync(fd);
  return [...held.keys()].sort();
}

test("what is held is found, as often as it is looked for, and is the same file", () => {
  const store = DescriptorStore.create();
  const fd = openSync("/proc/self/exe", "r");
  store.hold("one", fd);
  store.hold("two", 0, 4711);
  const { ino, dev } = fstatSync(fd);
  closeSync(fd);
  for (let i = 0; i < 3; i++) assert.deepEqual(found(store), ["one", "two"]);
  const { held } = DescriptorStore.adopt(store.ends);
  const again = fstatSync(held.get("one")!);
  assert.deepEqual([again.ino, again.dev], [ino, dev]);
  for (const copy of held.values()) closeSync(copy);
  store.close();
});

test("a drop closes the copy, also by a successor, and its place is used again", () => {
  const store = DescriptorStore.create();
  const [ours, theirs] = socketPair(SOCK_STREAM | SOCK_NONBLOCK);
  for (let i = 0; i < 40; i++) store.hold(`other ${i}`, 0);
  store.hold("line", theirs);
  closeSync(theirs);
  const { store: next, held } = DescriptorStore.adopt(store.ends);
  for (const fd of held.values()) closeSync(fd);
  assert.throws(() => readSync(ours, Buffer.alloc(1)), code("EAGAIN"));
  next.drop("line");
  assert.equal(readSync(ours, Buffer.alloc(1)), 0);
  for (let i = 0; i < 40; i++) next.drop(`other ${i}`);
  assert.deepEqual([next.size, found(next)], [0, []]);
  for (let round = 0; round < 1000; round++) {
    next.hold("again", 0);
    next.drop("again");
  }
  assert.deepEqual(found(store), []);
  closeSync(ours);
  store.close();
});

test("strangers have a share, and this user's own fit when they have theirs", () => {
  const store = DescriptorStore.create();
  let owner = 1000;
  let mine = 0;
  for (let full = 0; full < 9; owner++) {
    try {
      for (let i = 0; ; i++, mine++) store.hold(`${owner} ${i}`, 0, owner);
    } catch (error) {
      assert.ok(code("ENOSPC")(error), String(error));
      full++;
    }
  }
  assert.ok(mine >= store.capacity / 2 - 1 && mine <= store.capacity / 2 + 1, `${mine} of ${store.capacity}`);
  for (let i = 0; i < store.capacity - mine; i++) store.hold(`own ${i}`, 0);
  assert.throws(() => store.hold("one too many", 0), code("ENOSPC"));
  const begun = process.hrtime.bigint();
  for (let i = 0; i < 100; i++) store.drop(`own ${i * 8}`);
  const each = Number(process.hrtime.bigint() - begun) / 100 / 1e6;
  assert.ok(each < 20, `${each} ms for one of ${store.capacity}`);
  store.hold("room again", 0);
  store.close();
});

test("refusals, each with its error, change nothing", () => {
  const store = DescriptorStore.create();
  store.hold("a", 0);
  assert.throws(() => store.hold("a", 0), code("EEXIST"));
  assert.throws(() => store.hold("", 0), code("EINVAL"));
  assert.throws(() => store.hold("x".repeat(256), 0), code("ENAMETOOLONG"));
  assert.throws(() => store.hold("b", 1_000_000), code("EBADF"));
  assert.deepEqual(found(store), ["a"]);
  store.close();
});
