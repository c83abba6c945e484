import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PaperKernel } from "../../../test/support/paper-kernel.ts";
import { SWAP_RESERVE_RLIMIT_ON } from "../vm/swap-ledger.ts";
import { Accounts } from "./accounts.ts";
import { Job } from "./job.ts";
import type { Operation } from "./operation.ts";
import type { SwapLimit } from "./process.ts";
import { JOB_RECORD, type Json, jobRecord } from "./records.ts";
import { recount } from "./recount.ts";
import { recover } from "./recovery.ts";

const UID = 1000;
const LIMIT = 1000;
const LIMITED: SwapLimit = { soft: LIMIT, hard: LIMIT };
const map = (pages: number): Operation => ({ kind: "map", start: undefined, pages });
const FORK: Operation = { kind: "fork", isSibling: false };
const EXEC: Operation = { kind: "exec" };
const VFORK: Operation = { kind: "vfork", waits: true };
const share = (pages: number): Operation => ({ kind: "share", fd: undefined, pages });

function machine() {
  const kernel = new PaperKernel();
  const records = new Map<string, Json>();
  const recorder = {
    put: (key: string, value: Json) => void records.set(key, structuredClone(value)),
    drop: (key: string) => void records.delete(key),
  };
  const make = (): Accounts => new Accounts(kernel, { overcommit: SWAP_RESERVE_RLIMIT_ON }, undefined, recorder);
  const accounts = make();
  const job = new Job(1);
  recorder.put(JOB_RECORD + job.id, jobRecord(job));
  const start = (uid = UID): number => {
    const { pid } = kernel.spawn(uid);
    accounts.population.enter(pid, kernel.image(pid)!, uid, job, LIMITED);
    return pid;
  };
  return { kernel, accounts, job, records, make, start };
}

/** A machine with one process that has so many pages. */
function machineWith(pages: number) {
  const world = machine();
  const pid = world.start();
  trap(world, pid, map(pages));
  world.kernel.happen(pid);
  return { world, kernel: world.kernel, accounts: world.accounts, pid };
}

/** Traps a call; one that may go on is pending from then on. */
function trap(
  { kernel, accounts, job }: Pick<ReturnType<typeof machine>, "kernel" | "accounts" | "job">,
  pid: number,
  operation: Operation,
): "let go" | "refused" | "waits" {
  const call = kernel.call(pid, operation);
  accounts.arrived(pid);
  const verdict = accounts.admit(call, job, false);
  if (verdict === "wait") return "waits";
  if (verdict !== "continue") return "refused";
  kernel.pending.set(pid, operation);
  return "let go";
}

test("a call that is let go counts at once, and a look before it happens does not take it back", () => {
  const world = machine();
  const pid = world.start();
  assert.equal(trap(world, pid, map(600)), "let go");
  world.accounts.lookAtAll();
  assert.equal(world.accounts.ledger.reserved, 600);
  world.kernel.happen(pid);
  world.accounts.lookAtAll();
  assert.equal(world.accounts.ledger.reserved, 600);
});

test("one that the kernel takes back is given back", () => {
  const world = machine();
  const pid = world.start();
  for (const operation of [map(600), map(700), share(600), FORK]) {
    assert.equal(trap(world, pid, operation), "let go");
    world.kernel.pending.delete(pid);
    world.accounts.cancelled(pid);
    assert.equal(world.accounts.ledger.reserved, 0);
  }
  assert.deepEqual(recount(world.accounts), []);
});

test("what a look finds in the map and still under way is not counted twice", () => {
  const { world, pid } = machineWith(600);
  // It runs on, for all that can be seen of it.
  world.kernel.pending.set(pid, FORK);
  world.accounts.lookAtAll();
  assert.equal(world.accounts.ledger.reserved, 600);
});

test("children that come in another order than they were forked have what they have", () => {
  const world = machine();
  const pid = world.start();
  trap(world, pid, FORK);
  const small = world.kernel.happen(pid)!;
  trap(world, pid, map(300));
  world.kernel.happen(pid);
  trap(world, pid, FORK);
  const big = world.kernel.happen(pid)!;
  trap(world, pid, map(1));
  for (const child of [big, small]) trap(world, child.pid, map(1));
  const charged = (of: { pid: number }) => world.accounts.population.find(of.pid)!.space.pages;
  assert.deepEqual([charged(big), charged(small)], [301, 1]);
  world.accounts.lookAtAll();
  assert.deepEqual(world.accounts.shortfalls, []);
});

test("a child that execs in its parent's memory is met as what it becomes, and with its parent's limit", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  for (const calls of [true, false]) {
    trap(world, pid, VFORK);
    const child = kernel.happen(pid)!;
    trap(world, child.pid, EXEC);
    assert.equal(accounts.population.find(child.pid), undefined);
    kernel.happen(child.pid);
    // One that never calls is found by who looks.
    if (calls) assert.equal(trap(world, child.pid, map(500)), "refused");
    else accounts.lookAtAll();
    const { space, limit } = accounts.population.find(child.pid)!;
    assert.deepEqual([space.pages, space.payer.uid, limit], [5, UID, LIMITED]);
  }
  assert.equal(accounts.ledger.reserved, 610);
});

test("one whose exec fails, or takes its time, has its parent's memory still", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  trap(world, pid, VFORK);
  const child = kernel.happen(pid)!;
  trap(world, child.pid, EXEC);
  accounts.lookAtAll();
  assert.equal(accounts.population.find(child.pid)!.space, accounts.population.find(pid)!.space);
  kernel.happen(child.pid);
  accounts.lookAtAll();
  assert.equal(accounts.population.find(child.pid)!.space.pages, 5);
  assert.equal(accounts.ledger.reserved, 605);
});

test("memory that outlives who made it is paid for, though its holder has never called", () => {
  for (const waits of [true, false]) {
    const { world, kernel, accounts, pid } = machineWith(600);
    trap(world, pid, { kind: "vfork", waits });
    const child = kernel.happen(pid)!;
    if (!waits) trap(world, pid, map(1));
    kernel.processes.delete(pid);
    accounts.population.exited(accounts.population.find(pid)!);
    assert.equal(accounts.ledger.reserved, 600);
    kernel.processes.delete(child.pid);
    accounts.population.exited(accounts.population.find(child.pid)!);
    assert.equal(accounts.ledger.reserved, 0);
  }
});

const SETUID: Operation = { kind: "setuid" };
const OTHER = 2000;

test("a change of the real uid counts from when it happens, whoever looks before", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  trap(world, pid, SETUID);
  accounts.lookAtAll();
  kernel.processes.get(pid)!.uid = OTHER;
  kernel.pending.delete(pid);
  trap(world, pid, map(100));
  assert.deepEqual([accounts.uids.find(UID).vmsize, accounts.uids.find(OTHER).vmsize], [600, 100]);
});

test("a child that becomes somebody else in its parent's memory leaves that to its parent", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  trap(world, pid, VFORK);
  const child = kernel.happen(pid)!;
  trap(world, child.pid, SETUID);
  child.uid = OTHER;
  kernel.pending.delete(child.pid);
  trap(world, child.pid, EXEC);
  kernel.happen(child.pid);
  trap(world, child.pid, map(7));
  trap(world, pid, map(1));
  assert.deepEqual([accounts.uids.find(UID).vmsize, accounts.uids.find(OTHER).vmsize], [601, 12]);
});

test("another thread's call says nothing of an exec on its way", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  kernel.threads.set(1, pid);
  trap(world, pid, EXEC);
  trap(world, 1, map(50));
  kernel.happen(pid);
  accounts.lookAtAll();
  assert.equal(accounts.population.find(pid)!.layout, kernel.processes.get(pid)!.layout);
  assert.equal(accounts.ledger.reserved, 5);
});

test("what was unmapped makes room, whoever unmapped it; what may be under way makes a refusal wait", () => {
  const world = machine();
  const [one, two] = [world.start(), world.start()];
  trap(world, one, map(900));
  world.kernel.happen(one);
  assert.equal(trap(world, two, map(200)), "refused");
  world.kernel.processes.get(one)!.maps.clear();
  assert.equal(trap(world, two, map(200)), "let go");
  world.kernel.happen(two);
  trap(world, one, map(500));
  assert.equal(trap(world, two, map(400)), "waits");
  world.kernel.happen(one);
  assert.equal(trap(world, two, map(400)), "refused");
  assert.equal(trap(world, two, map(300)), "let go");
});

test("a pid that comes again is another process", () => {
  const world = machine();
  const pid = world.start();
  trap(world, pid, map(900));
  world.kernel.happen(pid);
  const old = world.accounts.population.find(pid)!;
  world.kernel.processes.delete(pid);
  world.accounts.lookAtAll();
  assert.equal(world.accounts.ledger.reserved, 0);
  world.accounts.population.exited(old);
  assert.equal(world.accounts.population.size, 0);
});

type Step = readonly [
  "map" | "fork" | "vfork" | "exec" | "happen" | "unmap" | "exit" | "cancel" | "look" | "crash",
  number,
  number,
];

const STEPS = fc.array(
  fc.tuple(
    fc.constantFrom<Step[0]>(
      "map",
      "map",
      "map",
      "fork",
      "vfork",
      "exec",
      "happen",
      "happen",
      "happen",
      "unmap",
      "unmap",
      "exit",
      "cancel",
      "look",
      "crash",
    ),
    fc.nat(1000),
    fc.integer({ min: 1, max: 400 }),
  ),
  { maxLength: 120 },
);

test("whatever happens in whatever order: never more than the limit, nothing refused that fits, nothing lost", () => {
  fc.assert(
    fc.property(STEPS, (steps) => {
      const first = machine();
      const { kernel, job, records, make } = first;
      let world = { kernel, job, accounts: first.accounts };
      for (let i = 0; i < 3; i++) first.start();
      for (const [what, which, pages] of steps) {
        const pids = [...kernel.processes.keys()];
        const pid = pids[which % pids.length];
        if (pid === undefined) break;
        if (kernel.isWaiting(pid) && !["look", "crash", "exit"].includes(what)) continue;
        const isKnown = world.accounts.population.find(pid) !== undefined;
        if (what === "map" || what === "fork" || what === "vfork" || what === "exec") {
          if (kernel.pending.has(pid)) continue;
          const operation = { map: map(pages), fork: FORK, vfork: VFORK, exec: EXEC }[what];
          const need = what === "map" ? pages : what === "fork" ? kernel.reserved(pid) : 0;
          let answer = trap(world, pid, operation);
          // In doubt it waits, until what was let go has happened.
          if (answer === "waits") {
            for (const other of [...kernel.pending.keys()]) kernel.happen(other);
            answer = trap(world, pid, operation);
          }
          assert.notEqual(answer, "waits");
          if (answer === "refused") {
            const underWay = [...kernel.pending].reduce((sum, [other, each]) => {
              return sum + (each.kind === "map" ? each.pages : each.kind === "fork" ? kernel.reserved(other) : 0);
            }, 0);
            assert.ok(kernel.ofUid(UID) + underWay + need > LIMIT, `${need} pages fit`);
          }
        } else if (what === "happen") kernel.happen(pid);
        else if (what === "unmap") {
          const { maps } = kernel.processes.get(pid)!;
          const [start] = [...maps.keys()].slice(which % Math.max(1, maps.size));
          if (start !== undefined) maps.delete(start);
        } else if (what === "exit") {
          if (kernel.processes.size === 1) continue;
          kernel.pending.delete(pid);
          kernel.processes.delete(pid);
          const process = world.accounts.population.find(pid);
          if (isKnown) world.accounts.population.exited(process!);
        } else if (what === "cancel") {
          if (!kernel.pending.delete(pid)) continue;
          world.accounts.cancelled(pid);
        } else if (what === "look") world.accounts.lookAtAll();
        else {
          // What was let go has happened long before another process goes on.
          for (const other of [...kernel.pending.keys()]) kernel.happen(other);
          world = { ...world, accounts: make() };
          const jobs = recover(world.accounts, new Map(records));
          world.job = jobs.get(job.id)!;
        }
        // exec brings parts of its own, which nobody asks for.
        const forced = steps.filter(([each]) => each === "exec").length * 5;
        assert.ok(kernel.ofUid(UID) <= LIMIT + forced, `${kernel.ofUid(UID)} pages`);
        assert.ok(world.accounts.ledger.reserved >= 0);
        assert.deepEqual(recount(world.accounts), []);
      }
      for (const pid of [...kernel.pending.keys()]) kernel.happen(pid);
      world.accounts.lookAtAll();
      world.accounts.lookAtAll();
      assert.equal(world.accounts.ledger.reserved, kernel.ofUid(UID));
      assert.deepEqual(recount(world.accounts), []);
    }),
    { numRuns: Number(process.env["LYONNAIS_RUNS"] ?? 300) },
  );
});
