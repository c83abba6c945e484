import assert from "node:assert/strict";
import { test } from "node:test";
import { NOT_YET } from "../../core/space/ports.ts";
import { DescriptorReads } from "./descriptor-reads.ts";
import { LiveTargets } from "./live-targets.ts";
import { MapCache } from "./map-cache.ts";
import { type Descriptor, UNREADABLE } from "./memory-file.ts";
import { ALL_OWN } from "./other-users-processes.ts";

const PLAIN: Descriptor = { isZero: false, file: undefined };

/** What was asked of the other thread, and whether it takes it. */
function scene({ takes = true } = {}) {
  const asked: string[] = [];
  const reads = new DescriptorReads((pid, fd) => asked.push(`${pid} ${fd}`) > 0 && takes);
  return { asked, reads };
}

test("a descriptor is read once a call, and anew for the next one", () => {
  const { asked, reads } = scene();
  assert.equal(reads.of(7, 5, 3), undefined);
  assert.equal(reads.of(7, 5, 3), undefined);
  reads.arrived(5, 3, PLAIN);
  assert.equal(reads.of(7, 5, 3), PLAIN);
  assert.deepEqual(asked, ["5 3"]);
  reads.decided(7);
  assert.equal(reads.of(7, 5, 3), undefined);
  assert.deepEqual(asked, ["5 3", "5 3"]);
});

test("a descriptor that cannot be read is charged: not asked for, not read, or of a process that keeps the reader", () => {
  const refused = scene({ takes: false });
  assert.equal(refused.reads.of(7, 5, 3), UNREADABLE);
  const failed = scene();
  failed.reads.of(7, 5, 3);
  failed.reads.arrived(5, 3);
  assert.equal(failed.reads.of(7, 5, 3), UNREADABLE);
  assert.equal(UNREADABLE.isZero, true);
});

test("of a process that has exited nothing is kept", () => {
  const { asked, reads } = scene();
  reads.of(7, 5, 3);
  reads.forget(5);
  reads.of(7, 5, 3);
  assert.equal(asked.length, 2);
});

test("the accountant's thread reads no descriptor of a process that may block it", () => {
  const maps = new MapCache();
  const found: (Descriptor | undefined)[] = [undefined, { isZero: true, file: undefined }, undefined];
  const others = { ...ALL_OWN, mayBlock: () => true, descriptor: () => found.shift() };
  const targets = new LiveTargets(maps, others);
  maps.mayWait = true;
  assert.throws(() => targets.isZero(process.pid, 0), NOT_YET);
  assert.equal(targets.isZero(process.pid, 0), true);
  // The last time that it is asked: it cannot wait any longer.
  maps.mayWait = false;
  assert.equal(targets.isZero(process.pid, 0), true);
  assert.equal(targets.memoryFile(process.pid, 0), undefined);
});
