/** Decisions about processes whose maps are read elsewhere: they are made again, or do without. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AccountsWorld } from "../../../test/support/accounts-world.ts";
import { HEAP_START, MAPPINGS } from "../../../test/support/vm-targets.ts";
import { PAGE_SIZE } from "../base/size.ts";
import type { Operation } from "../trap/operation.ts";

const UID = 1000;
const OTHER = 2000;
const LIMITED = { soft: 1000, hard: 1000 };
const map = (pages: number): Operation => ({ kind: "map", start: undefined, pages });
const brk = (pages: number): Operation => {
  return { kind: "brk", end: HEAP_START + pages, address: (HEAP_START + pages) * PAGE_SIZE };
};

/** A process that has a data segment of 50 pages, and whose map cannot be had when it comes under accounting. */
function unseenWorld() {
  const world = new AccountsWorld(undefined, true);
  const { kernel, accounts, job } = world;
  const { pid, proc } = kernel.spawn(UID, LIMITED.soft);
  kernel.vm.obreak(proc, HEAP_START + 50);
  kernel.read = new Set();
  accounts.population.enter(pid, kernel.image(pid)!, UID, job, LIMITED);
  kernel.read = undefined;
  return { world, kernel, accounts, job, pid };
}

test("what cannot be looked at when it comes is charged by the quick figures, and its first brk looks", () => {
  const { world, accounts, pid } = unseenWorld();
  assert.equal(accounts.uids.find(UID).vmsize, 50);
  // The world holds what a refused brk returns against where the data segment ends.
  assert.equal(world.judge(pid, brk(2000)), "refused");
  assert.equal(world.judge(pid, brk(60)), "let go");
  world.checkAtRest();
});

test("where a data segment ends that no map shows is not guessed: a brk that would be refused goes on", () => {
  const { kernel, accounts, job, pid } = unseenWorld();
  kernel.map = () => undefined;
  for (const process of [pid, child(accounts, kernel, job, pid)]) {
    accounts.arrived(process);
    assert.equal(accounts.admit(kernel.call(process, brk(2000)), job, true), "continue");
  }
});

/** A child that is met before any map of its parent's was. */
function child(
  accounts: AccountsWorld["accounts"],
  kernel: AccountsWorld["kernel"],
  job: AccountsWorld["job"],
  pid: number,
): number {
  const fork: Operation = { kind: "fork", isSibling: false };
  accounts.arrived(pid);
  assert.equal(accounts.admit(kernel.call(pid, fork), job, true), "continue");
  kernel.continued(pid, fork);
  return kernel.happen(pid)!.pid;
}

test("a process that is expected is found, though its parent's map has to be waited for", () => {
  const world = new AccountsWorld(undefined, true);
  const { kernel, accounts } = world;
  const parent = world.start(UID, LIMITED);
  const asker = world.start(OTHER, LIMITED);
  const rival = world.start(OTHER, LIMITED);
  assert.equal(world.trap(rival, map(600)), "let go");
  kernel.happen(rival);
  assert.equal(world.trap(parent, { kind: "vfork", waits: true }), "let go");
  const { pid } = kernel.happen(parent)!;
  assert.equal(world.trap(pid, { kind: "exec" }), "let go");
  kernel.happen(pid);
  assert.equal(world.trap(parent, { kind: "setuid" }), "let go");
  kernel.pending.delete(parent);
  kernel.setuid(parent, OTHER);
  // Looks for whoever has come, and needs the map of the parent for that.
  assert.equal(world.trap(asker, map(500)), "refused");
  assert.ok(accounts.population.find(pid), "the child is known");
  world.checkAtRest();
});

test("memory stays with who paid for it, also when the map that tells of it comes late", () => {
  const world = new AccountsWorld();
  const { kernel, accounts, job } = world;
  const pid = world.start(UID, LIMITED);
  assert.equal(world.trap(pid, map(300)), "let go");
  kernel.happen(pid);
  assert.equal(world.trap(pid, { kind: "setuid" }), "let go");
  kernel.pending.delete(pid);
  kernel.setuid(pid, OTHER);
  const seen = kernel.map;
  kernel.map = () => undefined;
  accounts.arrived(pid);
  assert.equal(
    accounts.admit(kernel.call(pid, { kind: "protect", start: MAPPINGS, pages: 1, grows: false }), job, true),
    "continue",
  );
  kernel.map = seen;
  accounts.cancelled(pid);
  assert.equal(world.trap(pid, map(10)), "let go");
  kernel.happen(pid);
  world.checkAtRest();
  assert.deepEqual([accounts.uids.find(UID).vmsize, accounts.uids.find(OTHER).vmsize], [300, 10]);
});

test("a successor keeps those that nobody has looked at yet: their limit, and what they have by the quick figures", () => {
  const world = new AccountsWorld();
  const { kernel } = world;
  const pid = world.start(UID, LIMITED);
  const gone = world.start(UID, LIMITED);
  assert.equal(world.trap(pid, map(300)), "let go");
  kernel.happen(pid);
  kernel.exit(gone);
  const { image, map: seen } = kernel;
  kernel.image = () => undefined;
  kernel.map = () => undefined;
  world.crash();
  const { accounts } = world;
  assert.deepEqual(accounts.population.find(pid)?.limit, LIMITED);
  assert.equal(accounts.population.find(gone), undefined);
  assert.equal(accounts.uids.find(UID).vmsize, 300);
  kernel.image = image;
  kernel.map = seen;
  assert.equal(world.judge(pid, map(800)), "refused");
  world.checkAtRest();
});

test("a child that nobody has looked at yet is not missed: what it has stays charged", () => {
  const world = new AccountsWorld();
  const { kernel, accounts, job } = world;
  const parent = world.start(UID, LIMITED);
  assert.equal(world.trap(parent, map(400)), "let go");
  kernel.happen(parent);
  const pid = child(accounts, kernel, job, parent);
  const { image } = kernel;
  kernel.image = (each) => (each === pid ? undefined : image.call(kernel, each));
  for (let i = 0; i < 3; i++) accounts.arrivals.findPending();
  // It waits for the child to be found, instead of having its room.
  assert.equal(world.trap(parent, map(300)), "waits");
  kernel.image = image;
  accounts.arrivals.findPending();
  assert.ok(accounts.population.find(pid), "the child is known");
  world.checkAtRest();
});
