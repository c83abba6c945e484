/** Who comes without a call of its own, who is looked for where, and who does not come any more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  becomes,
  brk,
  does,
  LIMITED,
  machineWith,
  map,
  OTHER,
  share,
  totals,
  UID,
} from "../../../test/support/accounts-calls.ts";
import type { AccountsWorld } from "../../../test/support/accounts-world.ts";
import { IMAGE_PAGES, MAPPINGS, type PaperProcess } from "../../../test/support/vm-targets.ts";
import { UNLIMITED } from "../charges/unlimited.ts";
import { liftLimits } from "../notify/lift.ts";
import { limitCell } from "../space/limit.ts";
import type { AccountedProcess } from "../space/process.ts";
import type { Operation } from "../trap/operation.ts";

const EXEC: Operation = { kind: "exec" };
const SETUID: Operation = { kind: "setuid" };
const fork = (isSibling = false): Operation => ({ kind: "fork", isSibling });
const vfork = (waits: boolean): Operation => ({ kind: "vfork", waits });

const find = ({ accounts }: AccountsWorld, pid: number): AccountedProcess => accounts.population.find(pid)!;

/** Which maps are read from now on, and whether calls are said to be under way that may change them. */
function mapReads({ kernel }: AccountsWorld): [pid: number, isChanging: boolean][] {
  const read: [number, boolean][] = [];
  const { map: before } = kernel;
  const recorded = (pid: number, isChanging: boolean) => {
    read.push([pid, isChanging]);
    return before.call(kernel, pid);
  };
  kernel.map = recorded as never;
  return read;
}

/** Has `what` of the machine fail the test when it is asked. */
function forbid({ kernel }: AccountsWorld, what: "pids" | "ids" | "image"): void {
  kernel[what] = () => {
    throw new Error(`${what} was asked`);
  };
}

test("a thread that calls makes its process known, and whose thread it is is asked once", () => {
  const { world, kernel } = machineWith(0);
  const { pid } = kernel.spawn(OTHER, 1000);
  const thread = kernel.addThread(pid);
  does(world, thread, map(5));
  assert.deepEqual([find(world, pid).space.pages, totals(world)], [5, [0, 5]]);
  forbid(world, "ids");
  does(world, thread, map(6));
  assert.equal(world.accounts.ledger.reserved, 11);
});

test("the number of a thread that has ended may come again, as another process's", () => {
  const { world, kernel, pid } = machineWith(0);
  const other = world.start(OTHER, LIMITED);
  const thread = kernel.addThread(pid);
  does(world, thread, map(5));
  kernel.processes.get(pid)!.tids.delete(thread);
  kernel.processes.get(other)!.tids.add(thread);
  does(world, thread, map(7));
  assert.deepEqual(totals(world), [5, 7]);
  // Its first process ends: it is still the other one's, who need not be asked for again.
  world.exit(pid);
  world.tellEnds();
  forbid(world, "ids");
  does(world, thread, map(1));
  assert.deepEqual(totals(world), [0, 8]);
});

test("of threads that are gone no more are remembered than were ever there at once, or 256", () => {
  const { kernel, accounts, pid } = machineWith(0);
  const process = accounts.population.find(pid)!;
  const living = new Set<number>();
  kernel.hasThread = (_pid, tid) => living.has(tid);
  for (let tid = 1; tid <= 2000; tid++) accounts.population.addThread(process, 1_000_000 + tid);
  assert.ok(process.tids.size <= 256, `${process.tids.size} threads`);
  for (let tid = 1; tid <= 300; tid++) {
    living.add(2_000_000 + tid);
    accounts.population.addThread(process, 2_000_000 + tid);
  }
  for (const tid of living) assert.equal(accounts.population.ofThread(tid), process);
  assert.equal(accounts.population.ofThread(1_000_001), undefined);
});

test("a child whose fork nobody could have changed is not looked at when it calls", () => {
  const { world, pid } = machineWith(300);
  const child = does(world, pid, fork())!;
  const read = mapReads(world);
  does(world, child.pid, map(1));
  assert.deepEqual([read, find(world, child.pid).space.pages], [[], 301]);
});

test("a child of a fork beside which others map is looked at, and has what it has", () => {
  const { world, kernel, pid } = machineWith(200);
  const thread = kernel.addThread(pid);
  assert.equal(world.trap(thread, map(30)), "let go");
  assert.equal(world.trap(pid, fork()), "let go");
  kernel.happen(thread);
  const child = kernel.happen(pid)!;
  const read = mapReads(world);
  does(world, child.pid, map(1));
  assert.deepEqual(read, [[child.pid, false]]);
  assert.equal(find(world, child.pid).space.pages, 231);
});

test("where the map of such a child cannot be had its quick figures are a lower bound", () => {
  for (const [hasSize, pages] of [
    [true, 240],
    [false, 230],
  ] as const) {
    const { world, kernel, pid } = machineWith(200);
    const thread = kernel.addThread(pid);
    assert.equal(world.trap(thread, map(30)), "let go");
    assert.equal(world.trap(pid, fork()), "let go");
    kernel.happen(thread);
    const child: PaperProcess = kernel.happen(pid)!;
    kernel.vm.mmap(child.proc, { start: MAPPINGS + 5000, pages: 10, prot: 3 });
    kernel.map = () => undefined;
    if (!hasSize) kernel.size = () => undefined;
    does(world, child.pid, { kind: "protect", start: 1, pages: 0, grows: false });
    assert.equal(find(world, child.pid).space.pages, pages);
  }
});

test("a fork whose child has ended unseen is given back when the child was missed twice, not before", () => {
  const { world, kernel, accounts, pid } = machineWith(300);
  assert.equal(world.trap(pid, fork()), "let go");
  for (let i = 0; i < 3; i++) accounts.arrivals.findPending();
  assert.equal(accounts.ledger.reserved, 600);
  assert.equal(accounts.arrivals.hasPending, true);
  const child = kernel.happen(pid)!;
  kernel.exit(child.pid);
  accounts.arrivals.findPending();
  assert.equal(accounts.ledger.reserved, 600);
  accounts.arrivals.findPending();
  assert.equal(accounts.ledger.reserved, 300);
  assert.deepEqual([accounts.arrivals.hasPending, world.records.has("fork 1")], [false, false]);
});

test("children are looked for among those of their parents; a sibling's and an orphan's everywhere", () => {
  const { world, accounts, pid } = machineWith(10);
  const { pids } = world.kernel;
  const child = does(world, pid, fork())!;
  forbid(world, "pids");
  accounts.arrivals.findPending();
  assert.equal(find(world, child.pid).space.pages, 10);
  world.kernel.pids = pids;
  const sibling = does(world, pid, fork(true))!;
  accounts.arrivals.findPending();
  assert.equal(find(world, sibling.pid).space.pages, 10);
  const orphan = does(world, pid, fork())!;
  // Nobody has told of its end.
  world.kernel.exit(pid);
  accounts.arrivals.findPending();
  assert.equal(find(world, orphan.pid).space.pages, 10);
});

test("a process that is under nobody's filter is not taken for a child", () => {
  const { world, kernel, accounts, pid } = machineWith(10);
  const child = does(world, pid, fork())!;
  const { ids } = kernel;
  kernel.ids = (tid) => {
    const all = ids.call(kernel, tid);
    return all && { ...all, filtered: tid !== child.pid };
  };
  for (let i = 0; i < 2; i++) accounts.arrivals.findPending();
  assert.deepEqual([accounts.population.find(child.pid), accounts.ledger.reserved], [undefined, 10]);
});

test("a child in its parent's memory is known by that, though another is its parent by now", () => {
  for (const waits of [false, true]) {
    const { world, pid } = machineWith(300);
    const child = does(world, pid, vfork(waits))!;
    if (!waits) child.ppid = 1;
    does(world, child.pid, map(1));
    assert.equal(find(world, child.pid).space, find(world, pid).space);
    assert.equal(world.accounts.ledger.reserved, 301);
  }
});

test("one that only looks like a vfork child has memory of its own", () => {
  const { world, kernel, pid } = machineWith(300);
  does(world, pid, vfork(false));
  const stranger = kernel.spawn(UID, 1000);
  stranger.layout = kernel.processes.get(pid)!.layout;
  kernel.vm.mmap(stranger.proc, { start: MAPPINGS, pages: 20, prot: 3 });
  does(world, stranger.pid, map(1));
  assert.notEqual(find(world, stranger.pid).space, find(world, pid).space);
  assert.equal(world.accounts.ledger.reserved, 321);
});

test("a known process that has executed another program is found without a call of its own", () => {
  const { world, kernel, accounts, pid } = machineWith(300);
  does(world, pid, EXEC);
  assert.deepEqual([accounts.ledger.reserved, accounts.arrivals.hasPending], [300, true]);
  accounts.arrivals.findPending();
  assert.deepEqual([accounts.ledger.reserved, accounts.arrivals.hasPending], [IMAGE_PAGES, false]);
  does(world, pid, EXEC);
  kernel.exit(pid);
  accounts.population.exited(find(world, pid));
  accounts.arrivals.findPending();
  assert.equal(accounts.ledger.reserved, 0);
});

test("exec that was seen half made is counted whole when its program calls", () => {
  const { world, kernel, accounts, pid } = machineWith(300);
  assert.equal(world.trap(pid, EXEC), "let go");
  kernel.pending.delete(pid);
  const process = kernel.processes.get(pid)!;
  // What exec does first, and what it does when somebody has looked.
  kernel.vm.execBegin(process.proc);
  process.layout = "image half made";
  process.proc.vmspace.dataStart = 0;
  kernel.vm.mmap(process.proc, { start: 10, pages: 3, prot: 3 });
  accounts.readAllMaps();
  assert.deepEqual([accounts.ledger.reserved, find(world, pid).layout], [3, "image half made"]);
  process.proc.vmspace.dataStart = 100;
  kernel.vm.mmap(process.proc, { start: 40, pages: 20, prot: 3 });
  does(world, pid, map(1));
  assert.equal(accounts.ledger.reserved, 24);
  does(world, pid, brk(5));
  assert.equal(accounts.ledger.reserved, 29);
  // The world holds what a refused brk returns against where the data segment ends.
  assert.equal(world.judge(pid, brk(2000)), "refused");
  assert.deepEqual(accounts.shortfalls, []);
});

test("an exec that has failed is over when its thread calls again, and nothing of the program has changed", () => {
  const { world, kernel, accounts, pid } = machineWith(300);
  const thread = kernel.addThread(pid);
  assert.equal(world.trap(pid, EXEC), "let go");
  does(world, thread, map(1));
  assert.equal(find(world, pid).pendingExec, pid);
  kernel.pending.delete(pid);
  does(world, pid, map(1));
  assert.equal(find(world, pid).pendingExec, undefined);
  accounts.readAllMaps();
  assert.equal(accounts.ledger.reserved, 302);
});

test("a program that lies where the one before lay is another one, where it is no longer in its vfork parent's memory", () => {
  const { world, kernel, pid } = machineWith(300);
  const child = does(world, pid, vfork(true))!;
  does(world, child.pid, map(1));
  const { layout } = child;
  does(world, child.pid, EXEC);
  // No address is random here.
  kernel.processes.get(child.pid)!.layout = layout;
  does(world, child.pid, map(2));
  assert.deepEqual([find(world, child.pid).space.pages, find(world, pid).space.pages], [IMAGE_PAGES + 2, 301]);
});

test("a uid that changes beside a thread that maps: what that was granted counts for the new one", () => {
  const { world, kernel, pid } = machineWith(300);
  const thread = kernel.addThread(pid);
  assert.equal(world.trap(thread, map(50)), "let go");
  becomes(world, pid, OTHER);
  const read = mapReads(world);
  assert.equal(world.trap(pid, map(1)), "let go");
  assert.deepEqual(totals(world), [300, 51]);
  assert.deepEqual(read[0], [pid, true]);
});

test("a change of the uid that has failed is over when its thread calls again", () => {
  const { world, kernel, accounts, pid } = machineWith(300);
  const thread = kernel.addThread(pid);
  assert.equal(world.trap(pid, SETUID), "let go");
  does(world, thread, map(1));
  assert.equal(find(world, pid).pendingUid, pid);
  kernel.pending.delete(pid);
  does(world, pid, map(1));
  assert.equal(find(world, pid).pendingUid, undefined);
  kernel.setuid(pid, OTHER);
  accounts.readAllMaps();
  assert.deepEqual(totals(world), [302, 0]);
});

test("a map is said to be changing while a call is under way that may change it, and only then", () => {
  const { world, kernel, accounts, pid } = machineWith(1);
  const read = mapReads(world);
  accounts.readAllMaps();
  assert.equal(world.trap(pid, map(5)), "let go");
  accounts.readAllMaps();
  kernel.happen(pid);
  becomes(world, pid, OTHER);
  assert.equal(world.trap(pid, brk(0)), "let go");
  assert.deepEqual(read.slice(0, 3), [
    [pid, false],
    [pid, true],
    [pid, false],
  ]);
  const other = world.start(UID, LIMITED);
  assert.deepEqual(read.at(-1), [other, false]);
});

test("shared memory that a map may not show yet is not given up", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  assert.equal(world.trap(pid, share(50)), "let go");
  accounts.readAllMaps();
  assert.equal(accounts.ledger.reserved, 50);
  kernel.pending.delete(pid);
  accounts.readAllMaps();
  assert.equal(accounts.ledger.reserved, 0);
});

test("what a child maps that nobody has seen is looked for before it is made", () => {
  for (const operation of [fork(), vfork(true)]) {
    const { world, kernel, pid } = machineWith(0);
    const thread = kernel.addThread(pid);
    does(world, thread, share(50));
    const read = mapReads(world);
    assert.equal(world.trap(pid, operation), "let go");
    assert.deepEqual(read.length, 1);
    kernel.happen(pid);
    does(world, pid, { kind: "handler", action: 0, word: 8 });
    assert.equal(world.trap(thread, operation), "let go");
    assert.deepEqual(read.length, 1);
  }
});

test("shared memory of /dev/zero is anonymous memory; of a file on a disk it is free", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  const ofFile = (fd: number, pages: number): unknown => {
    const answer = world.trap(pid, { kind: "share", fd, pages });
    kernel.pending.delete(pid);
    return [answer, accounts.ledger.reserved];
  };
  assert.deepEqual(ofFile(3, 500), ["let go", 600]);
  const isZero = (of: number, fd: number): boolean => of === pid && fd === 3;
  kernel.isZero = isZero as never;
  assert.deepEqual(ofFile(3, 500), ["refused", 600]);
  assert.deepEqual(ofFile(4, 500), ["let go", 600]);
  assert.deepEqual(ofFile(3, 400), ["let go", 1000]);
});

test("a memory file is refused beyond the limit, and what is taken back is given back", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  const fd = kernel.openFile(pid);
  const resize = (pages: number, of = fd): Operation => ({ kind: "resize", fd: of, pages });
  assert.equal(world.trap(pid, resize(401)), "refused");
  assert.equal(world.trap(pid, resize(5000, 77)), "let go");
  kernel.pending.delete(pid);
  assert.equal(world.trap(pid, resize(400)), "let go");
  kernel.pending.delete(pid);
  accounts.cancelled(pid);
  assert.equal(accounts.ledger.reserved, 600);
  does(world, pid, resize(300));
  for (const pages of [300, 100, 0]) {
    assert.equal(world.trap(pid, resize(pages)), "let go");
    kernel.pending.delete(pid);
    accounts.cancelled(pid);
    assert.equal(accounts.ledger.reserved, 900, `to ${pages}`);
  }
  assert.equal(world.trap(pid, resize(350)), "let go");
  assert.equal(accounts.ledger.reserved, 950);
  kernel.happen(pid);
  world.checkAtRest();
});

test("a brk that is taken back takes nothing from one of another thread that came after it", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  const thread = kernel.addThread(pid);
  assert.equal(world.trap(pid, brk(10)), "let go");
  kernel.pending.delete(pid);
  accounts.cancelled(pid);
  assert.equal(accounts.ledger.reserved, 0);
  assert.equal(world.judge(pid, brk(2000)), "refused");
  assert.equal(world.trap(pid, brk(10)), "let go");
  does(world, thread, brk(15));
  kernel.pending.delete(pid);
  accounts.cancelled(pid);
  assert.equal(accounts.ledger.reserved, 15);
  world.checkAtRest();
});

test("what mprotect was to charge is given back when it does not happen", () => {
  const { world, kernel, accounts, pid } = machineWith(300);
  kernel.vm.mprotect(kernel.processes.get(pid)!.proc, MAPPINGS, MAPPINGS + 300, 1);
  assert.equal(world.trap(pid, { kind: "protect", start: MAPPINGS, pages: 100, grows: false }), "let go");
  assert.equal(accounts.ledger.reserved, 400);
  kernel.pending.delete(pid);
  accounts.cancelled(pid);
  assert.equal(accounts.ledger.reserved, 300);
});

test("a limit that is set for one process is that of strangers to its tree, whoever else is there with another", () => {
  const { world, accounts, pid } = machineWith(1);
  const process = find(world, pid);
  world.job.limit = process.limit;
  const other = world.start(UID, limitCell({ soft: 7, hard: 7 }));
  accounts.setLimit(process, { soft: 5, hard: 5 });
  assert.deepEqual([world.job.limit.soft, find(world, other).limit.soft], [5, 7]);
});

test("a limit that is set asks for nobody where nobody was made in the process's memory", () => {
  const { world, accounts, pid } = machineWith(1);
  does(world, world.start(UID, LIMITED), vfork(false));
  forbid(world, "pids");
  accounts.setLimit(find(world, pid), { soft: 5, hard: 5 });
  assert.equal(find(world, pid).limit.soft, 5);
});

test("when all limits are lifted they are for strangers, and for the child of one that has ended", () => {
  const { world, accounts, pid } = machineWith(1);
  accounts.rootJob.limit = limitCell({ soft: 5, hard: 5 });
  accounts.setLimit(find(world, pid), { soft: 300, hard: 300 });
  const child = does(world, pid, fork())!;
  world.exit(pid);
  world.tellEnds();
  liftLimits(accounts);
  assert.equal(accounts.rootJob.limit.soft, UNLIMITED);
  assert.equal(world.trap(child.pid, map(5000)), "let go");
  assert.equal(find(world, child.pid).limit.soft, UNLIMITED);
});

test("that a process has ended is told once, and not of who has its number by now", () => {
  const { world, kernel, accounts, pid } = machineWith(200);
  const old = find(world, pid);
  const { population } = accounts;
  const image = { ...kernel.image(pid)!, startTicks: 1 };
  const next = population.enter(pid, image, UID, world.job, limitCell(LIMITED));
  population.exited(old);
  assert.deepEqual([population.find(pid), accounts.ledger.reserved], [next, 200]);
  population.exited(next);
  population.exited(next);
  assert.deepEqual([population.size, accounts.ledger.reserved, world.records.has(`process ${pid}`)], [0, 0, false]);
});

test("a process of which no fork is known has the limit of its parent, not that of the tree", () => {
  const { world, kernel, accounts, pid } = machineWith(10);
  accounts.setLimit(find(world, pid), { soft: 300, hard: 300 });
  world.start(UID, world.job.limit);
  const child = kernel.spawn(UID);
  child.ppid = pid;
  does(world, child.pid, map(5));
  assert.deepEqual([find(world, child.pid).limit.soft, find(world, child.pid).space.pages], [300, 5]);
});

test("a program that was expected and has called before a kill has its data segment where it has moved it", () => {
  const { world, kernel, pid } = machineWith(10);
  const child = does(world, pid, vfork(true))!;
  does(world, child.pid, EXEC);
  does(world, child.pid, brk(20));
  kernel.vm.mprotect(child.proc, 10, 12, 1);
  world.crash();
  assert.ok(world.accounts.population.find(child.pid));
  assert.equal(world.accounts.ledger.reserved, 10 + IMAGE_PAGES + 20);
  // The world holds what a refused brk returns against where the data segment ends.
  assert.equal(world.judge(child.pid, brk(2000)), "refused");
  world.checkAtRest();
});

test("a data segment that another thread moves while the uid changes ends where that thread has moved it", () => {
  const { world, kernel, pid } = machineWith(0);
  const thread = kernel.addThread(pid);
  does(world, pid, brk(5));
  assert.equal(world.trap(thread, brk(10)), "let go");
  becomes(world, pid, OTHER);
  does(world, pid, map(1));
  kernel.happen(thread);
  assert.equal(world.judge(pid, brk(2000)), "refused");
});

test("of forks under way at once by two uids a child is that of its own uid's", () => {
  const { world, kernel, accounts, pid } = machineWith(10);
  const other = does(world, pid, fork())!;
  becomes(world, other.pid, OTHER);
  does(world, other.pid, map(3));
  const [first, second] = [does(world, pid, fork())!, does(world, other.pid, fork())!];
  for (const gone of [pid, other.pid]) world.exit(gone);
  world.tellEnds();
  assert.deepEqual(
    [first, second].map((child) => kernel.ids(child.pid)!.ruid),
    [UID, OTHER],
  );
  accounts.readAllMaps();
  assert.deepEqual(
    [first, second].map((child) => find(world, child.pid).space.payer.uid),
    [UID, OTHER],
  );
  world.checkAtRest();
});

test("a vfork parent that may be inside exec is not compared with its child, which would have to wait for it", () => {
  const { world, kernel, pid } = machineWith(10);
  const child = does(world, pid, vfork(false))!;
  assert.equal(world.trap(pid, EXEC), "let go");
  kernel.hasLeft = () => {
    throw new Error("hasLeft was asked");
  };
  assert.equal(world.trap(child.pid, EXEC), "let go");
});
