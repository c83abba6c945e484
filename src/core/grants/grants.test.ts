/** Calls that were allowed and may not have happened: when they are over, what ends them, and by which of them a process came. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PaperJournal } from "../../../test/support/paper-journal.ts";
import { SwapLedger } from "../charges/swap-ledger.ts";
import { UidInfo } from "../charges/uidinfo.ts";
import { DONE_NS, map } from "../notify/operations-of-memory.ts";
import { fork, vfork } from "../notify/operations-of-processes.ts";
import { segment } from "../notify/operations-of-sharing.ts";
import { Job } from "../space/job.ts";
import { limitCell } from "../space/limit.ts";
import type { Image, Progress, Targets } from "../space/ports.ts";
import { AccountedProcess } from "../space/process.ts";
import { Space } from "../space/space.ts";
import type { TrappedCall } from "../trap/notification.ts";
import { ForkGrant, Grant, VforkGrant } from "./grant.ts";
import { Grants } from "./grants.ts";

const NUMBER = 57;
const RUNS: Progress = { running: true, call: undefined, cpuTime: 1000, faults: 3 };
const SLEEPS: Progress = { running: false, call: NUMBER, cpuTime: 1000, faults: 3 };

function scene() {
  const journal = new PaperJournal();
  /** Where a thread is; one that is not in here has ended. */
  const threads = new Map<number, Progress>();
  const living = new Set<number>();
  const targets = {
    progress: (_pid: number, tid: number) => threads.get(tid),
    ids: (pid: number) => (living.has(pid) ? { pid } : undefined),
  } as unknown as Targets;
  const grants = new Grants(targets, journal);
  const ledger = new SwapLedger();
  const job = new Job(1);
  const process = (pid: number, layout = "image", uid = 1000): AccountedProcess => {
    const space = new Space(ledger, job, new UidInfo(uid));
    space.pids.add(pid);
    living.add(pid);
    return new AccountedProcess(pid, { startTicks: 1, layout }, space, limitCell(), targets);
  };
  const call = (tid: number): TrappedCall => ({ tid, number: NUMBER }) as TrappedCall;
  const opened = <G extends Grant>(grant: G, progress: Progress = RUNS): G => {
    threads.set(grant.tid, progress);
    grants.open(grant);
    return grant;
  };
  const maps = (by: AccountedProcess, pages: number, tid = by.pid): Grant => {
    const grant = new Grant(by, call(tid), map);
    grant.pages = pages;
    return opened(grant);
  };
  const forks = (by: AccountedProcess, pages = 0, ppid = by.pid, tid = by.pid): ForkGrant =>
    opened(new ForkGrant(by, call(tid), fork, by.space.fork(pages), ppid));
  const vforks = (by: AccountedProcess, waits: boolean, tid = by.pid): VforkGrant =>
    opened(new VforkGrant(by, call(tid), vfork, waits));
  const image = (ppid: number, layout = "image", isHidden = false): Image => {
    return { startTicks: 1, ppid, layout, isHidden, startBrk: 0 };
  };
  return { journal, threads, living, targets, grants, process, call, opened, maps, forks, vforks, image };
}

test("a thread that has ended, or sleeps in another call, has carried out what it was granted", () => {
  const cases: readonly (readonly [progress: Progress | undefined, isDone: boolean])[] = [
    [undefined, true],
    [RUNS, false],
    [SLEEPS, false],
    [{ ...SLEEPS, call: NUMBER + 1 }, true],
    [{ ...SLEEPS, call: undefined }, true],
  ];
  for (const [progress, isDone] of cases) {
    const { threads, targets, process, maps } = scene();
    const grant = maps(process(1), 5);
    if (progress) threads.set(1, progress);
    else threads.delete(1);
    assert.equal(grant.isDone(targets), isDone, JSON.stringify(progress));
  }
});

test("one that runs has carried it out when it has faulted since, or had its time; what is over stays over", () => {
  for (const [over, isOver] of [
    [{}, false],
    [{ faults: 4 }, true],
    [{ cpuTime: 1000 + DONE_NS - 1 }, false],
    [{ cpuTime: 1000 + DONE_NS }, true],
  ] as const) {
    const { threads, targets, process, maps } = scene();
    const grant = maps(process(1), 5);
    assert.equal(grant.isDone(targets), false);
    threads.set(1, { ...RUNS, ...over });
    assert.equal(grant.isDone(targets), isOver, JSON.stringify(over));
    threads.set(1, RUNS);
    assert.equal(grant.isDone(targets), isOver);
  }
});

test("a call is over when its thread makes another one; what it was to take note of is noted once", () => {
  const { targets, grants, process, maps } = scene();
  const grant = maps(process(1), 5);
  let finished = 0;
  grant.finish = () => finished++;
  grants.returned(2);
  assert.deepEqual([grant.isDone(targets), finished], [false, 0]);
  grants.returned(1);
  grants.returned(1);
  assert.deepEqual([grant.isDone(targets), finished], [true, 1]);
});

test("what may still be added to the map of a space is told, without what is over", () => {
  const { threads, grants, process, maps, forks } = scene();
  const [one, two] = [process(1), process(2)];
  let finished = 0;
  maps(one, 5).finish = () => finished++;
  maps(one, 6, 11);
  maps(two, 7);
  forks(one, 3, 1, 12);
  const of = (space: Space) => grants.underway((each) => each === space);
  assert.deepEqual(
    [of(one.space), of(two.space)],
    [
      { calls: 2, pages: 11 },
      { calls: 1, pages: 7 },
    ],
  );
  threads.delete(1);
  assert.deepEqual(of(two.space), { calls: 1, pages: 7 });
  assert.equal(finished, 0);
  assert.deepEqual(of(one.space), { calls: 1, pages: 6 });
  assert.deepEqual([of(one.space), finished], [{ calls: 1, pages: 6 }, 1]);
  threads.delete(11);
  assert.deepEqual(of(one.space), { calls: 0, pages: 0 });
});

test("a call that was not carried out is taken back, and no longer waited for", () => {
  const { journal, grants, process, maps, forks } = scene();
  const maker = process(1);
  const grant = maps(maker, 5);
  const undone: Grant[] = [];
  grant.cancel = () => undone.push(grant);
  grant.finish = () => assert.fail("it has not happened");
  assert.equal(grants.cancelled(2), undefined);
  assert.equal(grants.cancelled(1), grant);
  assert.equal(grants.cancelled(1), undefined);
  assert.deepEqual(undone, [grant]);
  const forked = forks(maker);
  forked.cancel = () => undone.push(forked);
  assert.deepEqual([...journal.records.keys()], ["fork 1"]);
  assert.equal(grants.cancelled(1), forked);
  assert.deepEqual([undone, grants.forks.size, journal.records.size], [[grant, forked], 0, 0]);
});

test("a fork is written down until its child is found; names that are in use are not given again", () => {
  const { journal, grants, process, forks, maps } = scene();
  const maker = process(1);
  maps(maker, 5);
  grants.continueAfter(7);
  grants.continueAfter(3);
  const [first, second] = [forks(maker), forks(maker)];
  assert.deepEqual([...journal.records.keys()], ["fork 8", "fork 9"]);
  grants.returned(1);
  assert.deepEqual([...grants.forks], [first, second]);
  assert.equal(grants.close(first), true);
  assert.equal(grants.close(first), false);
  assert.deepEqual([[...journal.records.keys()], [...grants.forks]], [["fork 9"], [second]]);
});

test("a vfork that its caller waits in ends when the caller calls again, unless another of its threads was to exec", () => {
  for (const [pendingExec, remains] of [
    [undefined, false],
    [1, false],
    [2, true],
    ["unknown", true],
  ] as const) {
    const { grants, process, vforks } = scene();
    const parent = process(1);
    vforks(parent, true);
    parent.pendingExec = pendingExec;
    grants.returned(1);
    assert.equal(grants.vforks.size === 1, remains, String(pendingExec));
  }
  const { grants, process, vforks } = scene();
  vforks(process(1), false);
  grants.returned(1);
  assert.equal(grants.vforks.size, 1);
});

test("vforks that nobody waits in are one, which stands for as many processes as were made", () => {
  const { grants, process, vforks } = scene();
  const [parent, other] = [process(1), process(2)];
  vforks(parent, false, 10);
  const waited = vforks(parent, true, 11);
  const others = vforks(other, false, 12);
  vforks(parent, false, 13);
  const last = vforks(parent, false, 14);
  assert.deepEqual([[...grants.vforks], last.expected], [[waited, others, last], 3]);
  // Who is found came by the one that is waited in, if there is one.
  assert.equal(grants.endVfork(parent), waited);
  assert.deepEqual(
    [1, 2, 3].map(() => grants.endVfork(parent)),
    [last, last, last],
  );
  assert.equal(grants.endVfork(parent), undefined);
  assert.deepEqual([...grants.vforks], [others]);
  assert.equal(grants.endVfork(process(3)), undefined);
});

test("a vfork that is waited in replaces none, nor is it replaced", () => {
  const { grants, process, vforks } = scene();
  const parent = process(1);
  const all = [vforks(parent, true, 10), vforks(parent, false, 11), vforks(parent, true, 12)];
  assert.deepEqual([[...grants.vforks], all.map(({ expected }) => expected)], [all, [1, 1, 1]]);
});

test("when a vfork parent goes all its vforks end, and nobody else's", () => {
  const { grants, process, vforks } = scene();
  const [parent, other] = [process(1), process(2)];
  vforks(parent, true, 10);
  const last = vforks(parent, false, 11);
  const others = vforks(other, true, 12);
  assert.equal(grants.endVforks(parent), last);
  assert.equal(grants.endVforks(parent), undefined);
  assert.deepEqual([...grants.vforks], [others]);
});

test("what is mapped beside a fork that is under way may be in its child, who may not know its data segment then", () => {
  const cases: readonly (readonly [
    what: string,
    isInexact: boolean,
    act: (s: ReturnType<typeof scene>, of: AccountedProcess) => void,
  ])[] = [
    ["another thread maps", true, ({ maps }, of) => void maps(of, 5, 11)],
    ["another process maps", false, ({ maps, process }) => void maps(process(2), 5)],
    [
      "it is over",
      false,
      ({ maps, grants }, of) => {
        grants.returned(1);
        maps(of, 5, 11);
      },
    ],
    ["the same thread maps", false, ({ maps }, of) => void maps(of, 5)],
    ["another thread makes a segment", false, ({ opened, call }, of) => void opened(new Grant(of, call(11), segment))],
  ];
  for (const [what, isInexact, act] of cases) {
    const all = scene();
    const of = all.process(1);
    of.space.heap.begin(4096);
    const forked = all.forks(of);
    act(all, of);
    assert.deepEqual([forked.isInexact, forked.child.heap.isEndAssumed], [isInexact, isInexact], what);
  }
});

test("when a process is another program its calls are over, and nobody else's", () => {
  const { threads, grants, process, maps } = scene();
  const [one, two] = [process(1), process(2)];
  let finished = 0;
  maps(one, 5).finish = () => finished++;
  maps(two, 6).finish = () => finished++;
  grants.forget(one);
  assert.equal(finished, 1);
  assert.deepEqual(
    grants.underway(() => true),
    { calls: 1, pages: 6 },
  );
  threads.clear();
});

test("who is still to come by a call of a process has the limit that it is given", () => {
  const { grants, process, forks, vforks, maps } = scene();
  const [one, two] = [process(1), process(2)];
  const own = [forks(one, 0, 1, 10), vforks(one, true, 11)];
  const others = [forks(two), vforks(two, true, 21)];
  const mapped = maps(one, 5, 12);
  const limit = limitCell({ soft: 5, hard: 6 });
  grants.relimit(one, limit);
  for (const grant of own) assert.equal(grant.limit, limit);
  for (const grant of [...others, mapped]) assert.notEqual(grant.limit, limit);
});

test("what may turn out not to have happened: a child that was not found, and a call that is not over", () => {
  const { threads, grants, process, forks, maps, vforks } = scene();
  const [one, two] = [process(1), process(2)];
  const isUnsettled = (of: Space): boolean => grants.isUnsettled((each) => each === of);
  vforks(one, true, 11);
  assert.equal(isUnsettled(one.space), false);
  const forked = forks(one, 5);
  assert.deepEqual([isUnsettled(one.space), isUnsettled(forked.child), isUnsettled(two.space)], [false, true, false]);
  grants.close(forked);
  assert.equal(isUnsettled(forked.child), false);
  maps(two, 5);
  assert.deepEqual([isUnsettled(two.space), isUnsettled(one.space)], [true, false]);
  threads.delete(2);
  assert.equal(isUnsettled(two.space), false);
});

test("a process was made by a fork of its image: its parent's, else one whose parent is gone, else any", () => {
  const { living, grants, process, forks, image } = scene();
  const [parent, uncle, stranger] = [process(1), process(2), process(3, "another")];
  assert.deepEqual(grants.forksAlike(image(1)), []);
  const [first, second, sibling, other] = [forks(parent), forks(parent), forks(uncle, 0, 50, 20), forks(stranger)];
  living.add(50);
  assert.deepEqual(grants.forksAlike(image(1)), [first, second]);
  assert.deepEqual(grants.forksAlike(image(50)), [sibling]);
  assert.deepEqual(grants.forksAlike(image(3, "another")), [other]);
  assert.deepEqual(grants.forksAlike(image(3, "nobody's")), []);
  // Nobody whose fork it could be has it as a child: it was moved to who takes care of orphans.
  assert.deepEqual(grants.forksAlike(image(99)), [first, second, sibling]);
  living.delete(1);
  assert.deepEqual(grants.forksAlike(image(99)), [first, second]);
  // That one has made a child for its parent, and orphans are its children, too.
  living.delete(50);
  living.add(1);
  assert.deepEqual(grants.forksAlike(image(50)), [sibling]);
  living.delete(1);
  assert.deepEqual(grants.forksAlike(image(50)), [sibling, first, second]);
  assert.deepEqual(grants.forksAlike(image(99)), [first, second, sibling]);
});

test("one that hides its image is known by its parent alone", () => {
  const { grants, process, forks, image } = scene();
  const [parent, other] = [process(1), process(2)];
  const forked = forks(parent);
  forks(other);
  assert.deepEqual(grants.forksAlike(image(1, "hidden 9", true)), [forked]);
  assert.deepEqual(grants.forksAlike(image(1, "hidden 9", false)), []);
  assert.deepEqual(grants.forksAlike(image(7, "hidden 9", true)), []);
});

test("of forks that look alike it was one of its real uid, and of those the one that charges least", () => {
  const { grants, process, forks, image } = scene();
  const noUid = (): never => assert.fail("all have the same payer");
  const parent = process(1);
  const [big, small, same] = [forks(parent, 9, 1, 10), forks(parent, 4, 1, 11), forks(parent, 4, 1, 12)];
  assert.equal(grants.forkOf(image(1), noUid), small);
  assert.deepEqual([big.isInexact, small.isInexact, same.isInexact], [true, true, true]);
  const others = scene();
  const [one, two] = [others.process(1, "image", 1000), others.process(2, "image", 2000)];
  const [less, more] = [others.forks(one, 3), others.forks(two, 8)];
  for (const living of [1, 2]) others.living.delete(living);
  assert.equal(
    others.grants.forkOf(others.image(99), () => 2000),
    more,
  );
  assert.equal(
    others.grants.forkOf(others.image(99), () => 1000),
    less,
  );
  assert.equal(
    others.grants.forkOf(others.image(99), () => undefined),
    less,
  );
  assert.equal(others.grants.forkOf(others.image(99, "nobody's"), noUid), undefined);
});

test("a fork that is alone, or of which all charge the same, is exact", () => {
  const { grants, process, forks, image } = scene();
  const parent = process(1);
  const first = forks(parent, 5, 1, 10);
  assert.equal(
    grants.forkOf(image(1), () => 1000),
    first,
  );
  const second = forks(parent, 5, 1, 11);
  assert.equal(
    grants.forkOf(image(1), () => 1000),
    first,
  );
  assert.deepEqual([first.isInexact, second.isInexact], [false, false]);
});

test("a child may have been made by the other fork: which is not given up before the call of the one it was taken for is over", () => {
  const { threads, targets, grants, process, forks, image } = scene();
  const parent = process(1);
  const [taken, other] = [forks(parent, 4, 1, 10), forks(parent, 9, 1, 11)];
  assert.equal(
    grants.forkOf(image(1), () => 1000),
    taken,
  );
  grants.close(taken);
  threads.delete(11);
  assert.equal(other.isDone(targets), false);
  threads.delete(10);
  assert.equal(other.isDone(targets), true);
  assert.equal(other.mistaken.size, 0);
});

test("a fork whose child was taken for another's, and that the kernel took back, takes back the other", () => {
  const { grants, process, forks, image } = scene();
  const parent = process(1);
  const [taken, other] = [forks(parent, 4, 1, 10), forks(parent, 9, 1, 11)];
  const undone: ForkGrant[] = [];
  for (const each of [taken, other]) each.cancel = () => undone.push(each);
  grants.forkOf(image(1), () => 1000);
  grants.close(taken);
  assert.equal(grants.cancelled(10), taken);
  assert.deepEqual([undone, grants.forks.size], [[other], 0]);
  assert.equal(grants.cancelled(11), other);
  assert.deepEqual(undone, [other]);
});

test("what is over is nobody's mistake any more, and a fork that was found is not taken back", () => {
  const { threads, targets, grants, process, forks, image } = scene();
  const parent = process(1);
  const [taken, other] = [forks(parent, 4, 1, 10), forks(parent, 9, 1, 11)];
  grants.forkOf(image(1), () => 1000);
  grants.close(taken);
  grants.returned(10);
  assert.equal(other.mistaken.size, 0);
  threads.delete(11);
  assert.equal(other.isDone(targets), true);
  const alone = forks(parent, 4, 1, 12);
  alone.cancel = () => assert.fail("its child is there");
  grants.close(alone);
  assert.equal(grants.cancelled(12), alone);
});
