/** Who is refused, when, and after a look at whom; what is told of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  becomes,
  brk,
  does,
  LIMIT,
  LIMITED,
  machineWith,
  map,
  OTHER,
  share,
  totals,
  UID,
} from "../../../test/support/accounts-calls.ts";
import { AccountsWorld } from "../../../test/support/accounts-world.ts";
import { HEAP_START, MAPPINGS } from "../../../test/support/vm-targets.ts";
import { PAGE_SIZE } from "../base/size.ts";
import { SWAP_RESERVE_FORCE_ON, SWAP_RESERVE_RLIMIT_ON } from "../charges/swap-ledger.ts";
import { UNLIMITED } from "../charges/unlimited.ts";
import type { RefusedCall } from "../space/process.ts";
import type { Operation } from "../trap/operation.ts";
import { recount } from "./recount.ts";

const FORK: Operation = { kind: "fork", isSibling: false };

type World = AccountsWorld;

/** The processes whose maps are read from now on, in order. */
function mapReads({ kernel }: World): number[] {
  const read: number[] = [];
  const { map: before } = kernel;
  kernel.map = (pid) => {
    read.push(pid);
    return before.call(kernel, pid);
  };
  return read;
}

/** Nobody is told that a process has unmapped all it has. */
function unmapAll({ kernel }: World, pid: number): void {
  kernel.vm.munmap(kernel.processes.get(pid)!.proc, 0, UNLIMITED);
}

function refusalsOf({ accounts }: World, pid: number): readonly RefusedCall[] {
  return accounts.population.find(pid)!.refusals;
}

test("a refusal tells when, which call, how much, which limit, and what that was compared with", () => {
  const { world, pid } = machineWith(600);
  const before = Date.now();
  assert.equal(world.trap(pid, map(500)), "refused");
  const [{ timeMs, ...rest } = { timeMs: 0 }, ...others] = refusalsOf(world, pid);
  assert.deepEqual(rest, { call: "map", pages: 500, reason: "rlimit", used: 600, limit: LIMIT });
  assert.ok(timeMs >= before && timeMs <= Date.now());
  assert.deepEqual(others, []);
  assert.equal(world.accounts.figures.of(world.accounts.uids.find(UID)).refusals, 1);
});

test("a full job and a full machine are told apart from a limit", () => {
  const world = new AccountsWorld(100);
  const pid = world.start(UID, LIMITED);
  does(world, pid, map(60));
  assert.equal(world.trap(pid, map(41)), "refused");
  world.job.most = UNLIMITED;
  world.accounts.ledger.swapTotal = 70;
  world.accounts.ledger.overcommit = SWAP_RESERVE_FORCE_ON | SWAP_RESERVE_RLIMIT_ON;
  assert.equal(world.trap(pid, map(11)), "refused");
  assert.deepEqual(
    refusalsOf(world, pid).map(({ reason, used, limit }) => [reason, used, limit]),
    [
      ["job", 60, 100],
      ["supply", 60, 70],
    ],
  );
  assert.equal(world.trap(pid, map(10)), "let go");
});

test("a process remembers its last sixteen refusals; all are counted", () => {
  const { world, pid } = machineWith(600);
  for (let i = 1; i <= 16; i++) assert.equal(world.trap(pid, map(1000 + i)), "refused");
  assert.deepEqual(
    refusalsOf(world, pid).map(({ pages }) => pages),
    Array.from({ length: 16 }, (_, i) => 1001 + i),
  );
  for (let i = 17; i <= 20; i++) assert.equal(world.trap(pid, map(1000 + i)), "refused");
  assert.deepEqual(
    refusalsOf(world, pid).map(({ pages }) => pages),
    Array.from({ length: 16 }, (_, i) => 1005 + i),
  );
  assert.equal(world.accounts.figures.of(world.accounts.uids.find(UID)).refusals, 20);
});

test("a refused brk returns where the segment ends, every other call ENOMEM", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  does(world, pid, brk(7));
  const admit = (operation: Operation) => {
    accounts.arrived(pid);
    return accounts.admit(kernel.call(pid, operation), world.job, true);
  };
  assert.deepEqual(admit(brk(2000)), { value: (HEAP_START + 7) * PAGE_SIZE });
  for (const operation of [map(2000), share(2000), { kind: "segment", key: 0, pages: 2000 } as const]) {
    assert.deepEqual(admit(operation), { errno: 12 }, operation.kind);
  }
});

test("what adds nothing is let go, also to who has more than a limit that was set later", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  does(world, pid, brk(20));
  accounts.setLimit(accounts.population.find(pid)!, { soft: 10, hard: 10 });
  const free: Operation[] = [
    brk(5),
    { kind: "protect", start: MAPPINGS, pages: 600, grows: false },
    { kind: "remap", start: MAPPINGS, oldPages: 600, newPages: 500, keepsOld: false },
    map(50, MAPPINGS),
    { kind: "vfork", waits: true },
    { kind: "handler", action: 1, word: 8 },
  ];
  for (const operation of free) {
    assert.equal(world.trap(pid, operation), "let go", operation.kind);
    kernel.pending.delete(pid);
    accounts.readAllMaps();
  }
  assert.equal(world.trap(pid, map(1)), "refused");
  assert.equal(world.trap(pid, FORK), "refused");
});

test("root is counted and not refused, but by a job; who cannot be asked for his uid is not root", () => {
  const world = new AccountsWorld(6000);
  const pid = world.start(0, LIMITED);
  does(world, pid, map(5000));
  assert.equal(world.accounts.ledger.reserved, 5000);
  assert.equal(world.trap(pid, map(1001)), "refused");
  const { ids } = world.kernel;
  world.kernel.ids = () => undefined;
  assert.equal(world.trap(pid, map(1)), "refused");
  world.kernel.ids = ids;
  assert.equal(world.trap(pid, map(1)), "let go");
});

test("what fits is let go without a look at any map", () => {
  const { world, pid } = machineWith(200);
  const other = world.start(UID, LIMITED);
  does(world, other, map(100));
  const read = mapReads(world);
  for (const operation of [map(10), map(10, MAPPINGS), brk(10), FORK, share(10)]) does(world, pid, operation);
  assert.deepEqual(read, []);
});

test("where the caller's own map shows that it fits nobody else's is read", () => {
  const { world, accounts, pid } = machineWith(900);
  const other = world.start(UID, LIMITED);
  does(world, other, map(50));
  accounts.readAllMaps();
  unmapAll(world, other);
  const read = mapReads(world);
  assert.equal(world.trap(pid, map(300, MAPPINGS)), "let go");
  assert.deepEqual(read, [pid]);
});

test("who is over the limit of a uid is given what others of that uid have unmapped, one by one, until there is room", () => {
  const { world, kernel, accounts, pid } = machineWith(100);
  const [first, second, third] = [1, 2, 3].map(() => world.start(UID, LIMITED)) as [number, number, number];
  const stranger = world.start(OTHER, LIMITED);
  for (const each of [first, second, third, stranger]) does(world, each, map(200));
  accounts.readAllMaps();
  for (const each of [second, third, stranger]) unmapAll(world, each);
  const read = mapReads(world);
  assert.equal(world.trap(pid, map(400)), "let go");
  // Nothing has changed in the first one, and what the second gives back is enough.
  assert.deepEqual(read, [second]);
  kernel.happen(pid);
  assert.deepEqual(totals(world), [900, 200]);
});

test("who is over the limit of a job is given what everybody in it has unmapped, and nobody else", () => {
  const world = new AccountsWorld(1000);
  const pid = world.start(UID, LIMITED);
  const inside = world.start(OTHER, LIMITED);
  const outside = world.kernel.spawn(UID, LIMIT).pid;
  world.accounts.population.enter(outside, world.kernel.image(outside)!, UID, world.accounts.rootJob, LIMITED);
  for (const each of [pid, inside, outside]) does(world, each, map(300));
  world.accounts.readAllMaps();
  for (const each of [outside, inside]) unmapAll(world, each);
  const read = mapReads(world);
  world.accounts.setLimit(world.accounts.population.find(pid)!, { soft: 5000, hard: 5000 });
  assert.equal(world.trap(pid, map(500)), "let go");
  assert.deepEqual(read, [inside]);
});

test("when the machine is full everybody is looked at, whoever pays", () => {
  const { world, accounts, pid } = machineWith(100);
  const other = world.start(OTHER, LIMITED);
  does(world, other, map(100));
  accounts.readAllMaps();
  unmapAll(world, other);
  accounts.ledger.overcommit = SWAP_RESERVE_FORCE_ON;
  accounts.ledger.swapTotal = 250;
  const read = mapReads(world);
  assert.equal(world.trap(pid, map(150)), "let go");
  assert.deepEqual(read, [other]);
});

test("nobody is looked at, or waited for, where the caller's own memory leaves no room", () => {
  const { world, accounts, pid } = machineWith(400);
  const other = world.start(UID, LIMITED);
  does(world, other, map(100));
  accounts.readAllMaps();
  unmapAll(world, other);
  const busy = world.start(UID, LIMITED);
  assert.equal(world.trap(busy, map(100)), "let go");
  const read = mapReads(world);
  assert.equal(world.trap(pid, map(601)), "refused");
  assert.equal(read.length, 0);
  // One page less fits when both have given back what they have.
  assert.equal(world.trap(pid, map(600)), "waits");
  assert.ok(read.includes(other));
  world.kernel.pending.delete(busy);
  assert.equal(world.trap(pid, map(600)), "let go");
});

test("what another thread is about to map is no reason to refuse at once", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  const thread = kernel.addThread(pid);
  assert.equal(world.trap(thread, map(400)), "let go");
  accounts.readAllMaps();
  assert.equal(world.trap(pid, map(700)), "waits");
  kernel.pending.delete(thread);
  assert.equal(world.trap(pid, map(700)), "let go");
});

test("who may not wait any longer is refused; who has room need not wait for others", () => {
  const { world, kernel, accounts, pid } = machineWith(100);
  const [busy, idle] = [world.start(UID, LIMITED), world.start(UID, LIMITED)];
  does(world, idle, map(500));
  assert.equal(world.trap(busy, map(300)), "let go");
  const verdict = (last: boolean) => {
    accounts.arrived(pid);
    return accounts.admit(kernel.call(pid, map(300)), world.job, last);
  };
  assert.equal(verdict(false), "wait");
  assert.deepEqual(verdict(true), { errno: 12 });
  unmapAll(world, idle);
  assert.equal(verdict(false), "continue");
});

test("what may be under way is told: of all, or of some", () => {
  const { world, kernel, accounts, pid } = machineWith(1);
  accounts.readAllMaps();
  assert.equal(accounts.isUnsettled(), false);
  assert.equal(world.trap(pid, map(5)), "let go");
  assert.equal(accounts.isUnsettled(), true);
  const { space } = accounts.population.find(pid)!;
  assert.equal(
    accounts.isUnsettled((each) => each !== space),
    false,
  );
  kernel.happen(pid);
  assert.equal(accounts.isUnsettled(), false);
});

test("a call that is nothing to the accounts makes nobody known, and one of a thread that is gone nothing at all", () => {
  const world = new AccountsWorld();
  const { pid } = world.kernel.spawn(UID);
  const ignored: Operation[] = [
    { kind: "handler", action: 0, word: 8 },
    { kind: "trace", target: 0 },
  ];
  for (const operation of ignored) assert.equal(world.trap(pid, operation), "let go");
  assert.equal(world.accounts.population.size, 0);
  const gone = { tid: 77_777, number: 9, name: "mmap", operation: map(5) };
  assert.equal(world.accounts.admit(gone, world.job, false), "continue");
  assert.deepEqual([world.accounts.population.size, world.accounts.ledger.reserved], [0, 0]);
});

test("the peak is the highest total that there was, also of one that the kernel took back", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  const peak = () => accounts.figures.of(accounts.uids.find(UID)).peak;
  assert.equal(peak(), 600);
  unmapAll(world, pid);
  accounts.readAllMaps();
  assert.deepEqual([accounts.ledger.reserved, peak()], [0, 600]);
  assert.equal(world.trap(pid, map(700)), "let go");
  kernel.pending.delete(pid);
  accounts.cancelled(pid);
  assert.deepEqual([accounts.ledger.reserved, peak()], [0, 700]);
});

test("a peak is at most 16 MiB above what its process has: more is looked at first", () => {
  const world = new AccountsWorld();
  const pid = world.start(0, LIMITED);
  const peak = () => world.accounts.figures.of(world.accounts.uids.find(0)).peak;
  does(world, pid, map(4000));
  unmapAll(world, pid);
  does(world, pid, map(96));
  // 4000 pages that are no longer there and 96 that are not there yet: within the tolerance.
  assert.equal(peak(), 4096);
  unmapAll(world, pid);
  const read = mapReads(world);
  assert.equal(world.trap(pid, map(1)), "let go");
  assert.deepEqual([read, peak()], [[pid], 4096]);
  assert.equal(world.accounts.ledger.reserved, 1);
});

test("what the kernel counts and nobody was asked for is charged by the next look, and told", () => {
  const { kernel, accounts, pid } = machineWith(600);
  accounts.readAllMaps();
  const { proc } = kernel.processes.get(pid)!;
  assert.deepEqual(accounts.shortfalls, []);
  for (let i = 0; i < 20; i++) {
    kernel.vm.mmap(proc, { start: 20_000 + 10 * i, pages: 5, prot: 3 });
    accounts.readAllMaps();
    assert.equal(accounts.shortfalls.length, Math.min(i + 1, 16));
    assert.equal(
      accounts.shortfalls.at(-1),
      `process ${pid}: ${600 + 5 * i} pages were charged, ${605 + 5 * i} reserved`,
    );
  }
  assert.equal(accounts.ledger.reserved, 700);
  // What is not charged is not missing, and neither is what is given back.
  kernel.vm.mmap(proc, { start: 30_000, pages: 5, prot: 1 });
  kernel.vm.munmap(proc, MAPPINGS, MAPPINGS + 100);
  accounts.readAllMaps();
  assert.equal(accounts.shortfalls.length, 16);
  assert.match(accounts.shortfalls.at(-1)!, /700 reserved$/);
});

test("a stack that grows, a program that nobody has looked at yet, and one that hides its map are no shortfall", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  does(world, pid, { kind: "exec" });
  does(world, pid, map(1));
  // Before the first look some parts of the program itself are not counted.
  const { proc } = kernel.processes.get(pid)!;
  kernel.vm.mmap(proc, { start: 20_000, pages: 5, prot: 3 });
  accounts.readAllMaps();
  kernel.growStack(pid);
  accounts.readAllMaps();
  const { map: shown } = kernel;
  kernel.map = (each) => [{ ...shown.call(kernel, each)![0]!, start: 0, end: 900, accounted: true, hidden: true }];
  accounts.readAllMaps();
  assert.deepEqual(accounts.shortfalls, []);
  assert.equal(accounts.ledger.reserved, 900);
});

test("one whose map is hidden is charged what a call adds at most", () => {
  const { world, kernel, pid } = machineWith(800);
  const { map: shown } = kernel;
  assert.equal(world.trap(pid, map(300, MAPPINGS)), "let go");
  kernel.pending.delete(pid);
  kernel.map = (each) => [{ ...shown.call(kernel, each)![0]!, start: 0, end: 800, accounted: true, hidden: true }];
  assert.equal(world.trap(pid, map(300, MAPPINGS)), "refused");
  assert.equal(world.trap(pid, map(200, MAPPINGS)), "let go");
});

test("that a fixed mapping over another's memory was taken back is known after a kill", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  becomes(world, pid, OTHER);
  assert.equal(world.trap(pid, map(200, MAPPINGS)), "let go");
  kernel.pending.delete(pid);
  accounts.cancelled(pid);
  world.crash();
  assert.deepEqual(totals(world), [600, 0]);
  assert.deepEqual(recount(world.accounts), []);
});

test("memory files that were made larger by write(2) count from the next look at everybody, not from a refusal", () => {
  const { world, kernel, accounts, pid } = machineWith(500);
  const fd = kernel.openFile(pid);
  kernel.continued(pid, { kind: "resize", fd, pages: 40 });
  kernel.happen(pid);
  assert.equal(world.trap(pid, map(600)), "refused");
  assert.equal(accounts.ledger.reserved, 500);
  accounts.readAllMaps();
  assert.equal(accounts.ledger.reserved, 540);
});
