/** Shared memory is charged once, to who made it, from the grant to the last one who has it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PaperJournal } from "../../../test/support/paper-journal.ts";
import { SwapLedger } from "../charges/swap-ledger.ts";
import { UidInfo } from "../charges/uidinfo.ts";
import { fork } from "../notify/operations-of-processes.ts";
import { resize, segment, share } from "../notify/operations-of-sharing.ts";
import { Job } from "../space/job.ts";
import { limitCell } from "../space/limit.ts";
import type { MemoryFile, Segment, Targets, Vma } from "../space/ports.ts";
import { AccountedProcess } from "../space/process.ts";
import { Space } from "../space/space.ts";
import { ForkGrant, Grant, ObjectGrant } from "./grant.ts";
import { Grants } from "./grants.ts";
import { SharedObjects } from "./shared-objects.ts";

const UID = 1000;
const OTHER = 2000;

/** A machine that shows what a test says. */
function scene() {
  const ledger = new SwapLedger();
  const journal = new PaperJournal();
  const segments: Segment[] = [];
  const named = new Map<string, number>();
  /** By process: what it has open. */
  const open = new Map<number, MemoryFile[]>();
  /** Threads whose calls are under way. */
  const running = new Set<number>();
  let asked = 0;
  const targets = {
    segments: () => {
      asked++;
      return segments;
    },
    namedMemoryFiles: () => {
      asked++;
      return named;
    },
    memoryFiles: (pid: number) => open.get(pid) ?? [],
    progress: (_pid: number, tid: number) =>
      running.has(tid) ? { running: true, call: undefined, cpuTime: 0, faults: 0 } : undefined,
  } as unknown as Targets;
  const grants = new Grants(targets, journal);
  const objects = new SharedObjects(ledger, targets, grants, journal);
  const uids = new Map([UID, OTHER].map((uid) => [uid, new UidInfo(uid)]));
  const job = new Job(3);
  const processes: AccountedProcess[] = [];
  const process = (pid: number, uid = UID): AccountedProcess => {
    const space = new Space(ledger, job, uids.get(uid)!);
    space.pids.add(pid);
    const made = new AccountedProcess(pid, { startTicks: 1, layout: "x" }, space, limitCell(), targets);
    processes.push(made);
    return made;
  };
  /** A call of `by` that makes so many pages, or a segment of that key, and is under way. */
  const granted = (by: AccountedProcess, pages: number, key?: number): ObjectGrant => {
    const row = key === undefined ? share : segment;
    const grant = new ObjectGrant(by, { tid: by.pid, number: 1 }, row, objects.charge(by.space, pages), key);
    running.add(by.pid);
    grants.open(grant);
    return grant;
  };
  /** A call of thread `tid` of `by` that makes a file larger. */
  const grows = (by: AccountedProcess, key: string, pages: number, tid = by.pid): Grant => {
    const grant = new Grant(by, { tid, number: 1 }, resize);
    running.add(tid);
    objects.growFile(key, by.space, pages, grant);
    return grant;
  };
  const sweep = (learns = true): void => objects.sweep(processes, learns);
  const held = (): string[] => [...objects].map(({ name, uid, pages }) => `${name}: ${pages} of ${uid}`);
  return {
    ...{ ledger, journal, segments, named, open, running, grants, objects, job, process, processes, granted, grows },
    ...{ sweep, held, asked: () => asked },
  };
}

const shows = (object: string | undefined, objectPages: number): Vma =>
  ({ start: 0, end: 1, accounted: false, object, objectPages }) as Vma;

test("memory that was granted is the first that a map shows, of the same size if there is one", () => {
  const { objects, ledger, held, process, granted } = scene();
  const maker = process(1);
  for (const pages of [5, 7, 9]) granted(maker, pages);
  assert.deepEqual(held(), ["new: 5 of 1000", "new: 7 of 1000", "new: 9 of 1000"]);
  assert.equal(objects.hasUnseen(maker.space), true);
  assert.equal(objects.hasUnseen(process(2).space), false);
  objects.seen(maker.space, [shows("zero 1", 7)], false);
  assert.deepEqual(held(), ["zero 1: 7 of 1000", "new: 5 of 1000", "new: 9 of 1000"]);
  // None has this size: it is the oldest, which was mapped larger than it is.
  objects.seen(maker.space, [shows("zero 1", 7), shows("zero 2", 8)], false);
  assert.deepEqual(held(), ["zero 1: 7 of 1000", "zero 2: 5 of 1000", "new: 9 of 1000"]);
  assert.equal(ledger.reserved, 21);
  // Nothing is under way any more: what has not been seen has not come.
  objects.seen(maker.space, [shows("zero 1", 7), shows("zero 2", 8)], true);
  assert.deepEqual(held(), ["zero 1: 7 of 1000", "zero 2: 5 of 1000"]);
  assert.deepEqual([ledger.reserved, objects.hasUnseen(maker.space)], [12, false]);
});

test("shared memory that came without a grant is charged to who maps it, as large as any mapping proves", () => {
  const { objects, held, process } = scene();
  const holder = process(1, OTHER);
  objects.seen(holder.space, [shows("zero 1", 4), shows("zero 1", 9), shows(undefined, 50), shows("zero 1", 6)], true);
  assert.deepEqual(held(), ["zero 1: 9 of 2000"]);
  // Segments and files that nobody was asked for are somebody else's.
  objects.seen(holder.space, [shows("zero 1", 4), shows("sysv 1", 5), shows("file 1", 5)], true);
  assert.deepEqual(held(), ["zero 1: 9 of 2000"]);
});

test("anonymous memory stays charged to who made it while anybody maps it, and is written down", () => {
  const { objects, ledger, journal, held, process, granted } = scene();
  const [maker, child] = [process(1), process(2, OTHER)];
  granted(maker, 5);
  objects.seen(maker.space, [shows("zero 1", 5)], true);
  assert.deepEqual([...journal.records], [["object zero 1", { payer: UID, job: 3, pages: 5 }]]);
  objects.inherit(maker.space, child.space);
  objects.seen(maker.space, [], true);
  assert.deepEqual(held(), ["zero 1: 5 of 1000"]);
  objects.left(maker.space);
  objects.left(child.space);
  assert.deepEqual([held(), ledger.reserved, journal.records.size], [[], 0, 0]);
});

test("a child has what its parent maps, and nothing else", () => {
  const { objects, held, process } = scene();
  const [maker, child] = [process(1), process(2)];
  objects.seen(maker.space, [shows("zero 1", 5)], true);
  objects.inherit(child.space, process(3).space);
  objects.left(maker.space);
  assert.deepEqual(held(), []);
});

test("what was granted to one who ends does not come, unless a fork that is under way may have copied it", () => {
  for (const [isUnderway, ofMaker, survives] of [
    [true, true, true],
    [false, true, false],
    [true, false, false],
  ] as const) {
    const { objects, grants, held, process, granted } = scene();
    const [maker, other] = [process(1), process(2)];
    const forker = ofMaker ? maker : other;
    const child = forker.space.fork(0);
    const forks = new ForkGrant(forker, { tid: 9, number: 2 } as never, fork, child, forker.pid);
    grants.open(forks);
    if (!isUnderway) grants.returned(9);
    // Another fork that is under way makes an inexact copy of something else.
    if (!ofMaker) forks.isInexact = true;
    granted(maker, 5);
    objects.left(maker.space);
    assert.deepEqual(held(), survives ? ["new: 5 of 1000"] : []);
    if (!survives) continue;
    assert.equal(objects.hasUnseen(child), true);
    objects.seen(child, [shows("zero 1", 5)], true);
    assert.deepEqual(held(), ["zero 1: 5 of 1000"]);
  }
});

test("a segment costs its pages, unless its key has one already", () => {
  const { objects, segments } = scene();
  segments.push({ id: 1, key: 7, creator: 5, pages: 3 });
  assert.deepEqual([objects.segmentNeed(7, 10), objects.segmentNeed(8, 10), objects.segmentNeed(0, 10)], [0, 10, 10]);
  segments.push({ id: 2, key: 0, creator: 5, pages: 3 });
  assert.equal(objects.segmentNeed(0, 10), 10);
});

test("the segment that a call has made is told by who made it, its size, and its key while it has one", () => {
  const there: Segment = { id: 4, key: 7, creator: 1, pages: 10 };
  const cases: readonly (readonly [segment: Partial<Segment>, isIt: boolean])[] = [
    [{}, true],
    [{ key: 0 }, true],
    [{ key: 8 }, false],
    [{ creator: 2 }, false],
    [{ pages: 11 }, false],
  ];
  for (const [over, isIt] of cases) {
    const granting = scene();
    granting.granted(granting.process(1), 10, 7);
    granting.segments.push({ ...there, ...over });
    granting.sweep();
    assert.deepEqual(granting.held(), [isIt ? "sysv 4: 10 of 1000" : "new: 10 of 1000"], JSON.stringify(over));
    const restoring = scene();
    restoring.segments.push({ ...there, ...over });
    restoring.objects.restoreSegment(7, 1, 10, new UidInfo(UID), restoring.job);
    assert.deepEqual(restoring.held(), isIt ? ["sysv 4: 10 of 1000"] : [], JSON.stringify(over));
  }
});

test("each segment is one call's; one that is not made is given back when the call is over, and not before", () => {
  const { segments, running, sweep, held, process, granted } = scene();
  const [first, second] = [process(1), process(2)];
  granted(first, 10, 7);
  granted(second, 10, 8);
  granted(process(3), 4);
  segments.push({ id: 4, key: 7, creator: 1, pages: 10 }, { id: 5, key: 9, creator: 77, pages: 10 });
  sweep();
  sweep();
  assert.deepEqual(held(), ["sysv 4: 10 of 1000", "new: 10 of 1000", "new: 4 of 1000"]);
  running.clear();
  sweep();
  // Anonymous memory is the business of maps.
  assert.deepEqual(held(), ["sysv 4: 10 of 1000", "new: 4 of 1000"]);
});

test("two segments of one process and size are two calls', and a segment that is known nobody else's", () => {
  const { objects, segments, sweep, held, process, granted } = scene();
  const maker = process(1);
  granted(maker, 10, 0);
  granted(maker, 10, 0);
  segments.push({ id: 4, key: 0, creator: 1, pages: 10 }, { id: 5, key: 0, creator: 1, pages: 10 });
  sweep();
  assert.deepEqual(held(), ["sysv 4: 10 of 1000", "sysv 5: 10 of 1000"]);
  objects.restoreSegment(0, 1, 10, new UidInfo(UID), new Job(9));
  assert.equal(held().length, 2);
});

test("a segment stays charged though nobody has it attached, until it is gone", () => {
  const { objects, journal, segments, sweep, held, process, granted } = scene();
  const maker = process(1);
  granted(maker, 10, 7);
  segments.push({ id: 4, key: 7, creator: 1, pages: 10 });
  sweep();
  objects.seen(maker.space, [shows("sysv 4", 10)], true);
  objects.seen(maker.space, [], true);
  objects.left(maker.space);
  objects.dropUnused();
  sweep();
  assert.deepEqual([held(), [...journal.records.keys()]], [["sysv 4: 10 of 1000"], ["object sysv 4"]]);
  segments.pop();
  sweep(false);
  assert.deepEqual([held(), journal.records.size], [[], 0]);
});

test("a file costs what it grows by, and counts from the grant on", () => {
  const { objects, ledger, journal, held, process, grows } = scene();
  const maker = process(1);
  assert.equal(objects.fileNeed("file 1", 30), 30);
  grows(maker, "file 1", 30);
  assert.deepEqual([objects.fileNeed("file 1", 50), objects.fileNeed("file 1", 10)], [20, 0]);
  grows(process(2, OTHER), "file 1", 50);
  assert.deepEqual([held(), ledger.reserved], [["file 1: 50 of 1000"], 50]);
  grows(maker, "file 1", 20);
  assert.deepEqual(held(), ["file 1: 50 of 1000"]);
  assert.deepEqual(journal.records.get("object file 1"), { payer: UID, job: 3, pages: 50 });
});

test("a file that is empty again is the next one's, with whoever maps it", () => {
  const { objects, named, sweep, held, process, grows, running } = scene();
  const [maker, next] = [process(1), process(2, OTHER)];
  grows(maker, "file 1", 30);
  objects.seen(maker.space, [shows("file 1", 30)], true);
  running.clear();
  named.set("file 1", 0);
  sweep();
  assert.deepEqual(held(), ["file 1: 0 of 1000"]);
  grows(next, "file 1", 20);
  assert.deepEqual(held(), ["file 1: 20 of 2000"]);
  // Without a name and closed, but mapped.
  running.clear();
  named.clear();
  sweep();
  assert.deepEqual(held(), ["file 1: 20 of 2000"]);
  objects.left(maker.space);
  sweep();
  assert.deepEqual(held(), []);
});

test("growth that the kernel took back is given back once no other call relies on it", () => {
  const { objects, ledger, process, grows } = scene();
  const maker = process(1);
  const first = grows(maker, "file 1", 30);
  objects.stopGrowing("file 1", 30, first);
  assert.equal(ledger.reserved, 0);
  const [second, third] = [grows(maker, "file 1", 30, 1), grows(maker, "file 1", 40, 2)];
  objects.stopGrowing("file 1", 30, second);
  assert.equal(ledger.reserved, 40);
  objects.stopGrowing("file 1", 10, third);
  assert.equal(ledger.reserved, 30);
  objects.stopGrowing("file 1", 50, third);
  assert.equal(ledger.reserved, 0);
  objects.stopGrowing("file 2", 5, third);
});

test("a file is as large as the machine says, but not smaller than what a call may be making of it", () => {
  const { named, running, sweep, held, process, grows } = scene();
  const maker = process(1);
  grows(maker, "file 1", 30);
  named.set("file 1", 5);
  sweep();
  assert.deepEqual(held(), ["file 1: 30 of 1000"]);
  named.set("file 1", 60);
  sweep();
  assert.deepEqual(held(), ["file 1: 60 of 1000"]);
  running.clear();
  named.set("file 1", 5);
  sweep(false);
  assert.deepEqual(held(), ["file 1: 5 of 1000"]);
  // Calls that are over are not remembered.
  grows(maker, "file 1", 8);
  running.clear();
  grows(maker, "file 1", 9);
  running.clear();
  named.set("file 1", 1);
  sweep();
  assert.deepEqual(held(), ["file 1: 1 of 1000"]);
});

test("a file is there while it has a name, or somebody has it open", () => {
  const { journal, named, open, running, sweep, held, process, grows } = scene();
  grows(process(1), "file 1", 30);
  running.clear();
  open.set(1, [{ key: "file 1", owner: UID, pages: 25 }]);
  sweep();
  assert.deepEqual(held(), ["file 1: 25 of 1000"]);
  named.set("file 1", 25);
  open.clear();
  sweep();
  assert.deepEqual(held(), ["file 1: 25 of 1000"]);
  named.clear();
  sweep();
  assert.deepEqual([held(), journal.records.size], [[], 0]);
  sweep();
});

test("files that came without a call that was trapped count for their owner, where that is asked for", () => {
  const { open, sweep, held, process } = scene();
  process(1);
  open.set(1, [
    { key: "file 1", owner: UID, pages: 25 },
    { key: "file 2", owner: OTHER, pages: 25 },
    { key: "file 3", owner: UID, pages: 0 },
  ]);
  sweep(false);
  assert.deepEqual(held(), []);
  sweep();
  assert.deepEqual(held(), ["file 1: 25 of 1000"]);
  // Once it is known it only is as large as it is.
  open.set(1, [{ key: "file 1", owner: UID, pages: 5 }]);
  sweep(false);
  assert.deepEqual(held(), ["file 1: 5 of 1000"]);
});

test("the machine is asked for segments and files only where there may be some", () => {
  const { segments, sweep, process, granted, grows, asked } = scene();
  const maker = process(1);
  sweep(false);
  assert.equal(asked(), 0);
  sweep(true);
  assert.equal(asked(), 1);
  granted(maker, 5, 7);
  sweep(false);
  assert.equal(asked(), 2);
  segments.push({ id: 4, key: 7, creator: 1, pages: 5 });
  sweep(false);
  sweep(false);
  assert.equal(asked(), 4);
  grows(maker, "file 1", 5);
  sweep(false);
  assert.equal(asked(), 6);
});

test("what a daemon before this one has charged is there; anonymous memory that no map shows is given back", () => {
  const { objects, ledger, held, job, process } = scene();
  const payer = new UidInfo(UID);
  for (const key of ["zero 1", "zero 2", "sysv 3", "file 4"]) objects.restore(key, payer, job, 10);
  assert.equal(ledger.reserved, 40);
  objects.seen(process(1).space, [shows("zero 2", 10)], true);
  objects.dropUnused();
  assert.deepEqual(held(), ["zero 2: 10 of 1000", "sysv 3: 10 of 1000", "file 4: 10 of 1000"]);
});

test("what was granted is given up once", () => {
  const { objects, ledger, journal, process, granted } = scene();
  const grant = granted(process(1), 5);
  assert.deepEqual([...journal.records.keys()], ["unseen 1"]);
  objects.giveUp(grant);
  assert.deepEqual([ledger.reserved, journal.records.size], [0, 0]);
  const again = granted(process(2), 5);
  objects.seen(again.space, [shows("zero 1", 5)], true);
  objects.giveUp(again);
  assert.equal(ledger.reserved, 5);
});
