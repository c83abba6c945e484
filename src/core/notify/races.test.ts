/** What random histories have found: calls, children and kills in an order that was not thought of. */
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
import { HEAP_START, IMAGE_PAGES, MAPPINGS } from "../../../test/support/vm-targets.ts";
import { Job } from "../space/job.ts";
import { limitCell } from "../space/limit.ts";
import type { Operation } from "../trap/operation.ts";

const fork = (isSibling = false): Operation => ({ kind: "fork", isSibling });
const vfork = (waits: boolean): Operation => ({ kind: "vfork", waits });

test("who pays for memory that two have is written down with both, whichever of them has changed it", () => {
  const { world, pid } = machineWith(400);
  becomes(world, pid, OTHER);
  const child = does(world, pid, vfork(true))!;
  does(world, child.pid, map(6, MAPPINGS));
  world.crash();
  assert.deepEqual(totals(world), [394, 6]);
});

test("a fixed mapping is made when its process has ended, and another has its memory", () => {
  const { world, kernel, pid } = machineWith(300);
  becomes(world, pid, OTHER);
  const other = kernel.addThread(pid);
  world.trap(pid, map(20, MAPPINGS));
  does(world, other, vfork(true));
  kernel.happen(pid, true);
  world.exit(pid);
  world.tellEnds();
  assert.deepEqual(totals(world), [280, 20]);
});

test("brk costs what lies behind the end of the data segment, though the program has unmapped the last of that", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  does(world, pid, brk(300));
  accounts.readAllMaps();
  kernel.vm.munmap(kernel.processes.get(pid)!.proc, HEAP_START + 200, HEAP_START + 300);
  assert.equal(world.judge(pid, brk(1100)), "let go");
  kernel.happen(pid);
  world.checkAtRest();
  assert.equal(accounts.ledger.reserved, 1000);
});

test("a data segment that shrinks while it is looked at is paid for whole when it grows again", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  does(world, pid, brk(6));
  assert.equal(world.trap(pid, brk(0)), "let go");
  accounts.readAllMaps();
  kernel.happen(pid);
  assert.equal(world.trap(pid, brk(77)), "let go");
  accounts.readAllMaps();
  assert.equal(accounts.ledger.reserved, 77);
  kernel.happen(pid);
  world.checkAtRest();
});

/** A parent whose fork is under way, and its child that has made a sibling, which looks like the parent's child. */
function confused() {
  const { world, kernel, accounts, pid } = machineWith(9);
  const first = does(world, pid, fork())!;
  does(world, first.pid, map(1));
  assert.equal(world.trap(pid, fork()), "let go");
  does(world, first.pid, fork(true));
  accounts.readAllMaps();
  return { world, kernel, accounts, pid, first };
}

test("a child that is taken for another's leaves the charge for the one that is still to come", () => {
  const { world, kernel, accounts, pid } = confused();
  for (let i = 0; i < 3; i++) accounts.readAllMaps();
  kernel.happen(pid);
  world.checkBounds();
  world.checkAtRest();
});

test("a fork that the kernel takes back takes nothing from a child that was taken for its own", () => {
  const { world, kernel, accounts, pid } = confused();
  kernel.pending.delete(pid);
  accounts.cancelled(pid);
  world.checkBounds();
  world.checkAtRest();
  assert.equal(accounts.grants.forks.size, 0);
});

test("once all are found that have a process's memory, nobody else is taken for one when it ends", () => {
  const { world, kernel, pid } = machineWith(19);
  const borrower = does(world, pid, vfork(false))!;
  does(world, borrower.pid, map(1));
  world.exit(borrower.pid);
  world.tellEnds();
  becomes(world, pid, OTHER);
  const child = does(world, pid, fork())!;
  does(world, child.pid, map(1));
  assert.equal(world.trap(child.pid, fork(true)), "let go");
  kernel.happen(child.pid, true);
  world.exit(pid);
  world.checkAtRest();
});

test("who has a process's memory is looked for when that ends, though another was found before", () => {
  const { world, pid } = machineWith(19);
  const [borrower, silent] = [does(world, pid, vfork(false))!, does(world, pid, vfork(false))!];
  does(world, borrower.pid, map(1));
  for (const gone of [borrower, { pid }]) world.exit(gone.pid);
  world.tellEnds();
  assert.equal(world.accounts.ledger.reserved, 20);
  assert.ok(world.accounts.population.find(silent.pid));
});

test("shared memory that a fork under way may have copied is the child's when its maker ends", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  const other = kernel.addThread(pid);
  assert.equal(world.trap(other, fork()), "let go");
  does(world, pid, share(12));
  const child = kernel.happen(other, true)!;
  world.exit(pid);
  world.tellEnds();
  assert.equal(accounts.ledger.reserved, 12);
  world.checkAtRest();
  world.exit(child.pid);
  world.checkAtRest();
  assert.equal(accounts.ledger.reserved, 0);
});

test("a limit that is set does not concern who has the process's memory already, nor after a kill", () => {
  const { world, accounts, pid } = machineWith(1);
  const child = does(world, pid, vfork(true))!;
  accounts.setLimit(accounts.population.find(pid)!, { soft: 400, hard: 400 });
  world.crash();
  const limitOf = (of: number): number => world.accounts.population.find(of)!.limit.soft;
  assert.deepEqual([limitOf(pid), limitOf(child.pid)], [400, 1000]);
});

test("a child found after a kill has its parent's limit, and not that of somebody else with the same memory", () => {
  const { world, accounts, pid } = machineWith(1);
  const child = does(world, pid, vfork(true))!;
  does(world, child.pid, map(1));
  accounts.setLimit(accounts.population.find(pid)!, { soft: 400, hard: 400 });
  const grandchild = does(world, child.pid, vfork(true))!;
  world.crash();
  assert.equal(world.accounts.population.find(grandchild.pid)!.limit.soft, 1000);
});

test("what the map shows when the real uid changes is what brk and the stack are told from", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  assert.equal(world.trap(pid, brk(26)), "let go");
  kernel.pending.delete(pid);
  becomes(world, pid, OTHER);
  does(world, pid, brk(283));
  world.checkBounds();
  world.checkAtRest();
  assert.deepEqual([totals(world), accounts.shortfalls], [[0, 283], []]);
});

test("what has gone of the stack before the real uid changed is not taken from what comes", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  does(world, pid, { kind: "exec" });
  does(world, pid, map(1));
  accounts.readAllMaps();
  becomes(world, pid, OTHER);
  kernel.vm.munmap(kernel.processes.get(pid)!.proc, 0, MAPPINGS + 1);
  assert.equal(world.trap(pid, map(51)), "let go");
  accounts.readAllMaps();
  assert.equal(totals(world)[1], 51);
});

test("who had a process's memory and has executed another program does not keep its charges from the new uid", () => {
  const { world, kernel, pid } = machineWith(0);
  const child = does(world, pid, vfork(true))!;
  does(world, child.pid, map(1));
  does(world, child.pid, { kind: "exec" });
  becomes(world, pid, OTHER);
  does(world, pid, map(2));
  assert.equal(totals(world)[1], 2);
  kernel.exit(child.pid);
});

test("one of several borrowers may have executed another program when its lender's end leads to it", () => {
  const { world, pid } = machineWith(1);
  const child = does(world, pid, vfork(true))!;
  const grandchild = does(world, child.pid, vfork(true))!;
  assert.equal(world.trap(grandchild.pid, { kind: "exec" }), "let go");
  world.exit(child.pid);
  world.tellEnds();
  world.kernel.happen(grandchild.pid);
  world.checkAtRest();
});

test("an orphan is not taken for the child that another has made for its parent, nor charged less than it has", () => {
  const { world, kernel, pid } = machineWith(0);
  const first = does(world, pid, fork())!;
  does(world, pid, map(226));
  assert.equal(world.trap(pid, fork()), "let go");
  kernel.happen(pid, true);
  world.exit(pid);
  world.tellEnds();
  assert.equal(world.trap(first.pid, fork(true)), "let go");
  world.checkAtRest();
});

test("of forks that look alike the one that charges most is left for the child that may still come", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  const first = does(world, pid, fork())!;
  does(world, pid, map(11));
  assert.equal(world.trap(pid, fork()), "let go");
  does(world, first.pid, fork(true));
  accounts.readAllMaps();
  kernel.happen(pid);
  world.checkBounds();
  world.checkAtRest();
});

test("a memory file that another call is to make larger stays paid for when one is taken back", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  const fd = kernel.openFile(pid);
  const other = kernel.addThread(pid);
  const resize = (pages: number): Operation => ({ kind: "resize", fd, pages });
  assert.equal(world.trap(pid, resize(200)), "let go");
  assert.equal(world.trap(other, resize(17)), "let go");
  kernel.pending.delete(pid);
  accounts.cancelled(pid);
  world.checkBounds();
  kernel.happen(other);
  world.checkAtRest();
  assert.equal(accounts.ledger.reserved, 17);
});

test("a data segment that is to end above where another call lets it end is paid for from there", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  const other = kernel.addThread(pid);
  does(world, pid, brk(43));
  accounts.readAllMaps();
  assert.equal(world.trap(other, brk(17)), "let go");
  does(world, pid, brk(0));
  accounts.readAllMaps();
  kernel.happen(other);
  world.checkBounds();
  world.checkAtRest();
  assert.deepEqual(accounts.shortfalls, []);
});

test("who execs in memory that it has become another user in is paid for by that user, also after a kill", () => {
  const { world, pid } = machineWith(0);
  const child = does(world, pid, vfork(true))!;
  becomes(world, child.pid, OTHER);
  assert.equal(world.trap(child.pid, { kind: "exec" }), "let go");
  world.crash();
  world.checkAtRest();
  assert.deepEqual(totals(world), [0, IMAGE_PAGES]);
});

test("who has become another user and is found after a kill is paid for by that user", () => {
  const { world, kernel, pid } = machineWith(0);
  const child = does(world, pid, vfork(true))!;
  kernel.setuid(child.pid, OTHER);
  world.crash();
  assert.equal(world.trap(child.pid, { kind: "exec" }), "let go");
  kernel.happen(child.pid);
  world.checkAtRest();
  assert.deepEqual(totals(world), [0, IMAGE_PAGES]);
});

test("the memory of a program that another thread has replaced is looked for with whoever it was lent to", () => {
  const { world, kernel, accounts, pid } = machineWith(30);
  const other = kernel.addThread(pid);
  assert.equal(world.trap(pid, vfork(true)), "let go");
  assert.equal(world.trap(other, { kind: "exec" }), "let go");
  const child = kernel.happen(pid, true)!;
  kernel.happen(other);
  does(world, pid, map(1));
  assert.ok(accounts.population.find(child.pid));
  world.checkAtRest();
});

test("shared memory that a borrower has made is its lender's when both the borrower and the daemon are gone", () => {
  const { world, kernel, pid } = machineWith(0);
  const borrower = does(world, pid, vfork(false))!;
  does(world, borrower.pid, share(20));
  kernel.vm.munmap(kernel.processes.get(pid)!.proc, MAPPINGS + 13, MAPPINGS + 20);
  kernel.exit(borrower.pid);
  world.crash();
  assert.equal(world.accounts.ledger.reserved, 20);
});

/** Everything that a process leaves behind which a kill could lose: segments, shared memory, forks and loans that nobody has seen. */
function unseen() {
  const { world, kernel, pid } = machineWith(5);
  for (const key of [1, 2]) does(world, pid, { kind: "segment", key, pages: 50 });
  for (const pages of [30, 4, 4, 3]) does(world, world.start(UID, LIMITED), share(pages));
  const parent = world.start(OTHER, { soft: 700, hard: 700 });
  const child = does(world, parent, fork())!;
  const lender = world.start(OTHER, { soft: 800, hard: 800 });
  const borrower = does(world, lender, vfork(false))!;
  return { world, kernel, parent, child, lender, borrower };
}

test("a daemon that is killed again while it recovers loses nothing, after however many records", () => {
  for (let records = 0; records < 40; records++) {
    const { world, parent, child } = unseen();
    world.exit(parent);
    world.tellEnds();
    world.crash(() => "happens", records);
    world.noteLimits();
    world.checkAtRest();
    assert.equal(world.accounts.population.find(child.pid)!.limit.soft, 700);
    assert.equal(world.accounts.ledger.reserved, 5 + 100 + 41);
  }
});

test("nor one that is killed while it writes down who has the memory of a process that has ended", () => {
  for (let records = 0; records < 4; records++) {
    const { world, kernel, lender, borrower } = unseen();
    world.killAfter = records;
    kernel.exit(lender);
    world.judge(borrower.pid, map(1));
    world.checkAtRest();
    assert.equal(world.accounts.population.find(borrower.pid)!.limit.soft, 800);
  }
});

test("sixty forks that look alike are told from each other in no time", { timeout: 20_000 }, () => {
  const { world, accounts, pid } = machineWith(0);
  for (let i = 0; i < 60; i++) does(world, pid, fork());
  accounts.readAllMaps();
  world.checkAtRest();
});

test("who becomes the user again that it was pays for all of its memory once, and replaces its own", () => {
  const { world, pid } = machineWith(340);
  becomes(world, pid, OTHER);
  does(world, pid, map(1));
  becomes(world, pid, UID);
  // 340 of 1000 pages: the same again would not fit twice over.
  assert.equal(world.judge(pid, map(900, MAPPINGS)), "let go");
  world.kernel.happen(pid);
  world.checkAtRest();
  assert.deepEqual(totals(world), [900, 0]);
});

test("an exec is found once, though who is found by it asks for it", () => {
  const { world, kernel, pid } = machineWith(0);
  const borrower = does(world, pid, vfork(false))!;
  world.exit(borrower.pid);
  world.tellEnds();
  does(world, pid, fork());
  becomes(world, pid, OTHER);
  assert.equal(world.trap(pid, { kind: "exec" }), "let go");
  kernel.happen(pid);
  world.checkAtRest();
  assert.equal(totals(world)[1], IMAGE_PAGES);
});

test("a child that is made while another moves its parent's data segment knows where its own ends", () => {
  const { world, kernel, pid } = machineWith(0);
  const other = does(world, pid, vfork(false))!;
  does(world, other.pid, map(1));
  assert.equal(world.trap(other.pid, fork()), "let go");
  does(world, pid, brk(7));
  const child = kernel.happen(other.pid)!;
  // The world holds what a refused brk returns against the end of the data segment.
  assert.equal(world.judge(child.pid, brk(2000)), "refused");
});

test("shared memory that was never mapped makes room, though whoever might have it is another user by now", () => {
  const { world, pid } = machineWith(0);
  const neighbour = world.start(UID, LIMITED);
  const borrower = does(world, pid, vfork(false))!;
  assert.equal(world.trap(borrower.pid, { kind: "segment", key: 3, pages: 1 }), "let go");
  world.kernel.happen(borrower.pid);
  assert.equal(world.trap(pid, share(900)), "let go");
  // The accounts are told of it when the call below waits.
  world.exit(pid);
  becomes(world, borrower.pid, OTHER);
  assert.equal(world.judge(neighbour, map(400)), "let go");
});

test("what a call adds is not told by the map alone: another thread may map there before it happens", () => {
  const { world, kernel, pid } = machineWith(74);
  becomes(world, pid, OTHER);
  const other = kernel.addThread(pid);
  // Nothing is mapped there yet, of which nothing could be made twice.
  const again = { kind: "remap", start: MAPPINGS + 500, oldPages: 11, newPages: 11, keepsOld: true } as const;
  assert.equal(world.trap(other, again), "let go");
  does(world, pid, map(25, MAPPINGS + 500));
  kernel.happen(other);
  assert.deepEqual(totals(world), [74, 36]);
});

/** Two trees of different users: lender and neighbour, and a child of the lender's that is another program and has not called yet. */
function twoTrees() {
  const { world, kernel, accounts, pid } = machineWith(0);
  const neighbours = new Job(2);
  accounts.jobs.add(neighbours);
  const neighbour = kernel.spawn(OTHER, 5000).pid;
  accounts.population.enter(
    neighbour,
    kernel.image(neighbour)!,
    OTHER,
    neighbours,
    limitCell({ soft: 5000, hard: 5000 }),
  );
  const late = does(world, pid, vfork(true))!;
  does(world, late.pid, { kind: "exec" });
  return { world, kernel, accounts, pid, neighbour, neighbours, late };
}

test("a child that calls late ends the loan by which it came, and not that of the next one", () => {
  const { world, kernel, accounts, pid, neighbour, neighbours, late } = twoTrees();
  const next = does(world, pid, vfork(true))!;
  accounts.arrived(neighbour);
  assert.equal(accounts.admit(kernel.call(neighbour, vfork(true)), neighbours, true), "continue");
  does(world, late.pid, map(1));
  assert.deepEqual(
    [...accounts.grants.vforks].map(({ process }) => process.pid),
    [pid, neighbour],
  );
  does(world, next.pid, { kind: "exec" });
  does(world, next.pid, map(300));
  const { space, limit } = accounts.population.find(next.pid)!;
  assert.deepEqual([space.job, space.payer.uid, limit.soft], [world.job, UID, LIMITED.soft]);
});

test("a child whose lender has ended before it calls has the lender's limit", () => {
  const { world, accounts, pid, late } = twoTrees();
  const limit = accounts.population.find(pid)!.limit;
  const next = does(world, pid, vfork(true))!;
  does(world, late.pid, map(1));
  does(world, next.pid, { kind: "exec" });
  world.exit(pid);
  world.tellEnds();
  assert.equal(world.judge(next.pid, map(1001)), "refused");
  assert.equal(accounts.population.find(next.pid)!.limit, limit);
});

test("a child whose exec has failed has its lender's memory, though that has just been killed", () => {
  const { world, kernel, accounts, pid } = machineWith(200);
  const child = does(world, pid, vfork(true))!;
  assert.equal(world.trap(child.pid, { kind: "exec" }), "let go");
  kernel.pending.delete(child.pid);
  const { image } = kernel;
  const zombie = { ...image.call(kernel, pid)!, layout: `gone ${pid}` };
  world.exit(pid);
  // Nobody has waited for it.
  kernel.image = (each) => (each === pid ? zombie : image.call(kernel, each));
  world.collectExits = () => world.tellEnds();
  does(world, child.pid, map(1));
  assert.equal(accounts.ledger.reserved, 201);
  assert.equal(accounts.population.find(child.pid)!.space.pages, 201);
});

test("of forks of one image that are never all over at once nothing is remembered but what is under way", () => {
  const { world, accounts, pid } = machineWith(0);
  const { forks } = accounts.grants;
  for (let i = 0; i < 8; i++) does(world, pid, fork());
  for (let i = 0; i < 10_000; i++) {
    const child = does(world, pid, fork())!;
    accounts.arrivals.ofThread(child.pid, world.job);
    world.exit(child.pid);
    world.tellEnds();
  }
  assert.equal(forks.size, 8);
  for (const { mistaken } of forks) assert.ok(mistaken.size <= 1, `${mistaken.size} forks`);
});

test("a fork that is never over remembers of others only those that are under way", () => {
  const { world, kernel, accounts, pid } = machineWith(10);
  const other = kernel.addThread(pid);
  assert.equal(world.trap(other, fork()), "let go");
  const [stopped] = accounts.grants.forks;
  // Children that have less are taken for those of other forks.
  kernel.vm.munmap(kernel.processes.get(pid)!.proc, 0, MAPPINGS + 10);
  accounts.readAllMaps();
  for (let i = 0; i < 100; i++) {
    const child = does(world, pid, fork())!;
    does(world, child.pid, map(1));
    world.exit(child.pid);
    world.tellEnds();
    assert.deepEqual([...accounts.grants.forks], [stopped]);
    assert.equal(stopped!.mistaken.size, 1);
  }
  does(world, pid, map(1));
  assert.equal(stopped!.mistaken.size, 0);
  kernel.happen(other);
  world.checkAtRest();
});

test("a process whose number is used again has ended", () => {
  const { world, accounts, pid } = machineWith(200);
  const { population } = accounts;
  population.enter(pid, { ...world.kernel.image(pid)!, startTicks: 1 }, UID, world.job, limitCell(LIMITED));
  assert.equal(accounts.ledger.reserved, 200);
});

test("one that nobody knows, and that has a memory of its own, is not taken for whoever execs in memory it was lent", () => {
  const { world, kernel, pid } = machineWith(100);
  does(world, pid, vfork(true));
  const { pid: stranger } = kernel.spawn(OTHER);
  does(world, stranger, { kind: "exec" });
  does(world, stranger, map(7));
  assert.deepEqual(totals(world), [100, IMAGE_PAGES + 7]);
});

test("a program that nobody has looked at is not the next one that has its number", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  const child = does(world, pid, vfork(true))!;
  does(world, child.pid, { kind: "exec" });
  does(world, child.pid, map(1));
  const process = accounts.population.find(child.pid)!;
  const { image } = kernel;
  kernel.image = (each) => {
    const found = image.call(kernel, each);
    return found && each === child.pid ? { ...found, startTicks: found.startTicks + 100 } : found;
  };
  assert.equal(accounts.population.isGone(process), true);
});

test("of many threads it is asked which are gone only when there are twice as many", () => {
  const { kernel, accounts, pid } = machineWith(0);
  const process = accounts.population.find(pid)!;
  let asked = 0;
  kernel.hasThread = () => ++asked > 0;
  for (let tid = 1; tid <= 4096; tid++) accounts.population.addThread(process, 1_000_000 + tid);
  assert.ok(asked <= 2 * 4096, `asked ${asked} times`);
});

test("the record of a program that cannot be looked at is what it inherits, until it can be", () => {
  const { world, kernel, pid } = machineWith(0);
  const child = does(world, pid, vfork(true))!;
  does(world, child.pid, { kind: "exec" });
  does(world, child.pid, map(1));
  const { image } = kernel;
  kernel.image = (each) => (each === child.pid ? undefined : image.call(kernel, each));
  world.accounts.arrivals.stays(world.accounts.population.find(child.pid)!);
  assert.ok(world.records.has(`borrower ${child.pid}`));
  kernel.image = image;
  becomes(world, child.pid, OTHER);
  assert.deepEqual(
    [world.records.has(`borrower ${child.pid}`), world.records.has(`process ${child.pid}`)],
    [false, true],
  );
});
