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
import { AccountsWorld } from "../../../test/support/accounts-world.ts";
import { IMAGE_PAGES, MAPPINGS, type PaperProcess } from "../../../test/support/vm-targets.ts";
import { UNLIMITED } from "../charges/unlimited.ts";
import type { AccountedProcess } from "../space/process.ts";
import type { Operation } from "../trap/operation.ts";
import { recount } from "./recount.ts";

const FORK: Operation = { kind: "fork", isSibling: false };
const EXEC: Operation = { kind: "exec" };
const VFORK: Operation = { kind: "vfork", waits: true };
const SETUID: Operation = { kind: "setuid" };

test("a call that is let go counts at once, and a look before it happens does not take it back", () => {
  const world = new AccountsWorld();
  const pid = world.start(UID, LIMITED);
  assert.equal(world.trap(pid, map(600)), "let go");
  world.accounts.readAllMaps();
  assert.equal(world.accounts.ledger.reserved, 600);
  world.kernel.happen(pid);
  world.accounts.readAllMaps();
  assert.equal(world.accounts.ledger.reserved, 600);
});

test("one that the kernel takes back is given back", () => {
  const world = new AccountsWorld();
  const pid = world.start(UID, LIMITED);
  for (const operation of [map(600), map(700), share(600), FORK]) {
    assert.equal(world.trap(pid, operation), "let go");
    world.kernel.pending.delete(pid);
    world.accounts.cancelled(pid);
    assert.equal(world.accounts.ledger.reserved, 0);
  }
  assert.deepEqual(recount(world.accounts), []);
});

test("what a look finds in the map and still under way is not counted twice", () => {
  const { world, pid } = machineWith(600);
  // It runs on, for all that can be seen of it.
  world.kernel.blurred.add(pid);
  world.accounts.readAllMaps();
  assert.equal(world.accounts.ledger.reserved, 600);
});

test("children that come in another order than they were forked have what they have", () => {
  const world = new AccountsWorld();
  const pid = world.start(UID, LIMITED);
  world.trap(pid, FORK);
  const small = world.kernel.happen(pid)!;
  world.trap(pid, map(300));
  world.kernel.happen(pid);
  world.trap(pid, FORK);
  const big = world.kernel.happen(pid)!;
  world.trap(pid, map(1));
  for (const child of [big, small]) world.trap(child.pid, map(1));
  const charged = (of: { pid: number }) => world.accounts.population.find(of.pid)!.space.pages;
  assert.deepEqual([charged(big), charged(small)], [301, 1]);
  world.accounts.readAllMaps();
  assert.deepEqual(world.accounts.shortfalls, []);
});

test("a child that execs in its parent's memory is met as what it becomes, and with its parent's limit", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  for (const calls of [true, false]) {
    world.trap(pid, VFORK);
    const child = kernel.happen(pid)!;
    world.trap(child.pid, EXEC);
    assert.equal(accounts.population.find(child.pid), undefined);
    kernel.happen(child.pid);
    // One that never calls is found by who looks.
    if (calls) assert.equal(world.trap(child.pid, map(500)), "refused");
    else accounts.readAllMaps();
    const { space, limit } = accounts.population.find(child.pid)!;
    assert.deepEqual([space.pages, space.payer.uid, limit], [IMAGE_PAGES, UID, LIMITED]);
  }
  assert.equal(accounts.ledger.reserved, 610);
});

test("one whose exec fails, or takes its time, has its parent's memory still", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  world.trap(pid, VFORK);
  const child = kernel.happen(pid)!;
  world.trap(child.pid, EXEC);
  accounts.readAllMaps();
  assert.equal(accounts.population.find(child.pid)!.space, accounts.population.find(pid)!.space);
  kernel.happen(child.pid);
  accounts.readAllMaps();
  assert.equal(accounts.population.find(child.pid)!.space.pages, 5);
  assert.equal(accounts.ledger.reserved, 605);
});

test("memory that outlives who made it is paid for, though its holder has never called", () => {
  for (const waits of [true, false]) {
    const { world, kernel, accounts, pid } = machineWith(600);
    world.trap(pid, { kind: "vfork", waits });
    const child = kernel.happen(pid)!;
    if (!waits) world.trap(pid, map(1));
    kernel.exit(pid);
    accounts.population.exited(accounts.population.find(pid)!);
    assert.equal(accounts.ledger.reserved, 600);
    kernel.exit(child.pid);
    accounts.population.exited(accounts.population.find(child.pid)!);
    assert.equal(accounts.ledger.reserved, 0);
  }
});

test("a change of the real uid counts from when it happens, whoever looks before", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  world.trap(pid, SETUID);
  accounts.readAllMaps();
  kernel.setuid(pid, OTHER);
  kernel.pending.delete(pid);
  world.trap(pid, map(100));
  assert.deepEqual([accounts.uids.find(UID).vmsize, accounts.uids.find(OTHER).vmsize], [600, 100]);
});

test("a child that becomes somebody else in its parent's memory leaves that to its parent", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  world.trap(pid, VFORK);
  const child = kernel.happen(pid)!;
  world.trap(child.pid, SETUID);
  kernel.setuid(child.pid, OTHER);
  kernel.pending.delete(child.pid);
  world.trap(child.pid, EXEC);
  kernel.happen(child.pid);
  world.trap(child.pid, map(7));
  world.trap(pid, map(1));
  assert.deepEqual([accounts.uids.find(UID).vmsize, accounts.uids.find(OTHER).vmsize], [601, 12]);
});

test("another thread's call says nothing of an exec on its way", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  const tid = kernel.addThread(pid);
  world.trap(pid, EXEC);
  world.trap(tid, map(50));
  kernel.happen(pid);
  accounts.readAllMaps();
  assert.equal(accounts.population.find(pid)!.layout, kernel.processes.get(pid)!.layout);
  assert.equal(accounts.ledger.reserved, 5);
});

test("what was unmapped makes room, whoever unmapped it; what may be under way makes a refusal wait", () => {
  const world = new AccountsWorld();
  const [one, two] = [world.start(UID, LIMITED), world.start(UID, LIMITED)];
  world.trap(one, map(900));
  world.kernel.happen(one);
  assert.equal(world.trap(two, map(200)), "refused");
  world.kernel.vm.munmap(world.kernel.processes.get(one)!.proc, 0, UNLIMITED);
  assert.equal(world.trap(two, map(200)), "let go");
  world.kernel.happen(two);
  world.trap(one, map(500));
  assert.equal(world.trap(two, map(400)), "waits");
  world.kernel.happen(one);
  assert.equal(world.trap(two, map(400)), "refused");
  assert.equal(world.trap(two, map(300)), "let go");
});

test("what cannot fit whatever others give back is refused without a look at anybody", () => {
  const { world, kernel, pid } = machineWith(400);
  does(world, pid, FORK);
  world.accounts.readAllMaps();
  const looked: number[] = [];
  const read = kernel.map.bind(kernel);
  kernel.map = (each: number) => {
    looked.push(each);
    return read(each);
  };
  assert.equal(world.trap(pid, map(700)), "refused");
  assert.deepEqual(looked, []);
});

test("a pid that comes again is another process", () => {
  const world = new AccountsWorld();
  const pid = world.start(UID, LIMITED);
  world.trap(pid, map(900));
  world.kernel.happen(pid);
  const old = world.accounts.population.find(pid)!;
  world.kernel.exit(pid);
  world.accounts.readAllMaps();
  assert.equal(world.accounts.ledger.reserved, 0);
  world.accounts.population.exited(old);
  assert.equal(world.accounts.population.size, 0);
});

test("a child that execs in its parent's memory has the limit that was set, though its parent is gone", () => {
  for (const lasts of [true, false]) {
    const { world, kernel, accounts, pid } = machineWith(600);
    const limit = { soft: 700, hard: 700 };
    accounts.setLimit(accounts.population.find(pid)!, limit);
    const child: PaperProcess = does(world, pid, VFORK)!;
    does(world, child.pid, EXEC);
    world.exit(pid);
    world.tellEnds();
    if (!lasts) world.crash();
    world.accounts.readAllMaps();
    const found: AccountedProcess = world.accounts.population.find(child.pid)!;
    assert.deepEqual([found.limit, found.space.payer.uid], [limit, UID]);
    assert.equal(world.accounts.ledger.reserved, IMAGE_PAGES);
    assert.equal(kernel.ofUid(UID), IMAGE_PAGES);
  }
});

test("a forked child is counted, and limited, when the daemon is killed and its parent has gone before it was seen", () => {
  const { world, pid } = machineWith(600);
  world.accounts.setLimit(world.accounts.population.find(pid)!, { soft: 900, hard: 900 });
  world.kernel.vm.munmap(world.kernel.processes.get(pid)!.proc, MAPPINGS + 100, MAPPINGS + 600);
  const child = does(world, pid, FORK)!;
  world.exit(pid);
  world.tellEnds();
  world.crash();
  assert.equal(world.accounts.ledger.reserved, 100);
  assert.deepEqual(world.accounts.population.find(child.pid)!.limit, { soft: 900, hard: 900 });
  assert.deepEqual([...world.records.keys()].sort(), ["job 1", `process ${child.pid}`]);
});

test("a limit set for the only process of a tree is that of strangers in it", () => {
  const { world, accounts, pid } = machineWith(1);
  const process = accounts.population.find(pid)!;
  world.job.limit = process.limit;
  accounts.setLimit(process, { soft: 5, hard: 5 });
  assert.equal(world.job.limit.soft, 5);
  const other = world.start(UID, world.job.limit);
  accounts.setLimit(accounts.population.find(other)!, { soft: 7, hard: 7 });
  assert.deepEqual([world.job.limit.soft, process.limit.soft], [5, 5]);
});

test("a fixed mapping over what another uid has paid for is paid anew, unless it does not happen", () => {
  for (const happens of [true, false]) {
    const { world, kernel, accounts, pid } = machineWith(600);
    becomes(world, pid, OTHER);
    assert.equal(world.trap(pid, map(200, MAPPINGS)), "let go");
    assert.deepEqual(totals(world), [600, 200]);
    if (happens) kernel.happen(pid);
    else {
      kernel.pending.delete(pid);
      accounts.cancelled(pid);
    }
    accounts.arrived(pid);
    assert.deepEqual(totals(world), happens ? [400, 200] : [600, 0]);
  }
});

test("memory of the new uid is not taken for the old one's because it lies where that was", () => {
  const { world, kernel, pid } = machineWith(600);
  becomes(world, pid, OTHER);
  does(world, pid, map(1));
  kernel.vm.munmap(kernel.processes.get(pid)!.proc, MAPPINGS, MAPPINGS + 600);
  does(world, pid, map(600));
  world.accounts.readAllMaps();
  assert.deepEqual(totals(world), [0, 601]);
});

test("brk that the kernel refused is not taken for granted by the next one", () => {
  const { world, accounts, kernel, pid } = machineWith(0);
  assert.equal(world.trap(pid, brk(10)), "let go");
  kernel.pending.delete(pid);
  assert.equal(world.trap(pid, brk(10)), "let go");
  accounts.readAllMaps();
  assert.equal(accounts.ledger.reserved, 10);
  kernel.happen(pid);
  accounts.readAllMaps();
  assert.deepEqual([accounts.ledger.reserved, accounts.shortfalls], [10, []]);
});

test("a segment counts from its making on, though the daemon is killed or its key goes before anybody has seen it", () => {
  for (const killed of [true, false]) {
    const { world, kernel, pid } = machineWith(0);
    does(world, pid, { kind: "segment", key: 7, pages: 50 });
    kernel.attach(pid, 0);
    if (killed) world.crash();
    else kernel.removeSegment(0);
    world.accounts.readAllMaps();
    assert.equal(world.accounts.ledger.reserved, 50);
  }
});

test("shared memory that nobody has seen outlives daemons that are killed one after the other", () => {
  const { world, kernel, pid } = machineWith(0);
  const other = world.start(UID, LIMITED);
  does(world, other, share(1));
  world.accounts.readAllMaps();
  does(world, other, share(20));
  does(world, pid, share(50));
  kernel.vm.munmap(kernel.processes.get(pid)!.proc, MAPPINGS, MAPPINGS + 30);
  // The first of them may be killed before it has looked at anything.
  const records = new Map(world.records);
  world.crash();
  assert.equal(world.accounts.ledger.reserved, 71);
  assert.deepEqual(
    [...world.records.keys()].filter((key) => key.startsWith("unseen")),
    [],
  );
  world.records.clear();
  for (const [key, value] of records) world.records.set(key, value);
  world.crash();
  assert.equal(world.accounts.ledger.reserved, 71);
});

test("shared memory counts as large as it was made, however it is mapped later", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  does(world, pid, share(50));
  accounts.readAllMaps();
  does(world, pid, { kind: "remap", start: MAPPINGS, oldPages: 50, newPages: 80, keepsOld: false });
  accounts.readAllMaps();
  assert.equal(accounts.ledger.reserved, 50);
  kernel.vm.munmap(kernel.processes.get(pid)!.proc, MAPPINGS, MAPPINGS + 30);
  accounts.readAllMaps();
  assert.equal(accounts.ledger.reserved, 50);
});

test("who execs leaves shared memory to the other, and takes nothing of it along", () => {
  const { world, pid } = machineWith(600);
  const child = does(world, pid, { kind: "vfork", waits: false })!;
  does(world, child.pid, share(50));
  // A daemon that begins takes every process for one that may exec.
  world.crash();
  does(world, child.pid, EXEC);
  does(world, pid, map(1));
  world.accounts.readAllMaps();
  const pages = (of: number): number => world.accounts.population.find(of)!.space.pages;
  assert.deepEqual([pages(pid), pages(child.pid)], [601, IMAGE_PAGES]);
  assert.equal(world.accounts.ledger.reserved, 601 + 50 + IMAGE_PAGES);
});

test("a job that is full to the last page refuses one more, and not the last", () => {
  const world = new AccountsWorld(100);
  const pid = world.start(0, { soft: UNLIMITED, hard: UNLIMITED });
  assert.equal(world.trap(pid, map(101)), "refused");
  does(world, pid, map(100));
  assert.equal(world.trap(pid, map(1)), "refused");
});

test("what is decided about the swap as a whole outlives the daemon", () => {
  const { world } = machineWith(1);
  world.records.set("overcommit", 0);
  world.crash();
  assert.equal(world.accounts.ledger.overcommit, 0);
});

test("a stack that grows while a call is under way takes nothing of what that was granted", () => {
  const { world, kernel, accounts, pid } = machineWith(0);
  does(world, pid, EXEC);
  does(world, pid, map(1));
  accounts.readAllMaps();
  assert.equal(world.trap(pid, map(10)), "let go");
  kernel.growStack(pid);
  accounts.readAllMaps();
  assert.equal(accounts.ledger.reserved, IMAGE_PAGES + 1 + 10 + 1);
});

test("what others have paid for makes room too, when they unmap it", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  accounts.readAllMaps();
  const other = world.start(UID, LIMITED);
  becomes(world, pid, OTHER);
  does(world, pid, map(1));
  kernel.vm.munmap(kernel.processes.get(pid)!.proc, MAPPINGS, MAPPINGS + 600);
  assert.equal(world.trap(other, map(900)), "let go");
  assert.deepEqual(totals(world), [900, 1]);
});

test("the uid that has paid is written down with its memory", () => {
  const { world, pid } = machineWith(600);
  becomes(world, pid, OTHER);
  does(world, pid, map(7));
  world.crash();
  assert.deepEqual(totals(world), [600, 7]);
});

test("counting again finds a charge whose holder is not what it was", () => {
  const { world, accounts, pid } = machineWith(600);
  becomes(world, pid, OTHER);
  does(world, pid, map(7));
  assert.deepEqual(recount(accounts), []);
  accounts.uids.find(UID).vmsize++;
  assert.match(recount(accounts).join(), /^uid 1000: 601 pages are kept, 600 counted$/);
});

test("what MREMAP_DONTUNMAP, mprotect and fork add is told from the map where the bound does not fit", () => {
  const { world, kernel, pid } = machineWith(400);
  const { proc } = kernel.processes.get(pid)!;
  const remap = (keepsOld: boolean): Operation => {
    return { kind: "remap", start: MAPPINGS, oldPages: 400, newPages: 400, keepsOld };
  };
  const protect: Operation = { kind: "protect", start: MAPPINGS, pages: 900, grows: false };
  assert.equal(world.trap(pid, protect), "let go");
  kernel.happen(pid);
  assert.equal(world.trap(pid, remap(true)), "let go");
  kernel.pending.delete(pid);
  world.accounts.cancelled(pid);
  does(world, pid, map(300));
  assert.equal(world.trap(pid, remap(true)), "refused");
  assert.equal(world.trap(pid, remap(false)), "let go");
  kernel.pending.delete(pid);
  assert.equal(world.trap(pid, FORK), "refused");
  kernel.vm.minherit(proc, MAPPINGS, MAPPINGS + 500, "none");
  assert.equal(world.trap(pid, FORK), "let go");
});

test("a fixed mapping is paid for though what it is to replace is unmapped before", () => {
  const { world, kernel, accounts, pid } = machineWith(800);
  assert.equal(world.trap(pid, map(300, MAPPINGS)), "let go");
  kernel.vm.munmap(kernel.processes.get(pid)!.proc, 0, UNLIMITED);
  accounts.readAllMaps();
  assert.equal(accounts.ledger.reserved, 300);
  kernel.happen(pid);
  accounts.readAllMaps();
  assert.deepEqual([accounts.ledger.reserved, accounts.shortfalls], [300, []]);
});

test("two that have the memory of one who went with the daemon pay for it once", () => {
  const { world, kernel, pid } = machineWith(600);
  const lends: Operation = { kind: "vfork", waits: false };
  const child = does(world, pid, lends)!;
  const other = does(world, child.pid, lends)!;
  does(world, other.pid, map(1));
  kernel.exit(pid);
  world.crash();
  assert.equal(world.accounts.ledger.reserved, 601);
});
