/** Random histories of a machine: I1 to I7 after every operation under both rules, and, under seed, the naive oracle. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NaiveAccounts, type NaiveProc, type Shared } from "../../../test/support/naive-accounts.ts";
import { seedFrom } from "../../../test/support/seeded.ts";
import { UNLIMITED } from "../charges/unlimited.ts";
import type { VmMapEntry } from "./entry.ts";
import { recount } from "./invariants.ts";
import type { VmObject } from "./object.ts";
import type { Proc } from "./proc.ts";
import type { RemapRequest } from "./remap.ts";
import { FREEBSD } from "./rules/freebsd.ts";
import type { VmRules } from "./rules/rules.ts";
import { SEED } from "./rules/seed.ts";
import type { SysvSegment } from "./sysv-shm.ts";
import { Vm } from "./vm.ts";

/** Numbers that the operation of that name makes its arguments of. */
type Step = readonly [op: string, who: number, a: number, b: number, c: number];

const SPAN = 220;
const UIDS = [1001, 1002, 0];
const PROTS = [0, 1, 3, 5, 7];

const setup = fc.record({
  overcommit: fc.constantFrom(0, 1, 2, 3),
  supply: fc.integer({ min: 40, max: 400 }),
  rlimit: fc.constantFrom(50, 120, 300, UNLIMITED),
});

/** Of the mapping at or behind `start`: all of it or a part, in place or to somewhere. */
function remapping({ vmspace }: Proc, start: number, pages: number, c: number): RemapRequest {
  const entry = vmspace.map.from(start);
  const oldPages = entry && c % 2 === 0 ? entry.length : Math.min(pages, entry?.length ?? pages);
  const keepsOld = c % 5 === 0;
  return {
    start: entry?.start ?? start,
    oldPages,
    newPages: keepsOld ? oldPages : pages,
    ...(c % 3 === 0 && !keepsOld ? {} : { to: (start * 7 + c) % SPAN }),
    keepsOld,
  };
}

const history = (ops: readonly string[]): fc.Arbitrary<Step[]> =>
  fc.array(fc.tuple(fc.constantFrom(...ops), fc.nat(7), fc.nat(SPAN), fc.integer({ min: 1, max: 24 }), fc.nat(63)), {
    minLength: 60,
    maxLength: 140,
    size: "max",
  });

/** Some hundred operations each: 10^5 and more in all, unless fewer are asked for. */
const RUNS = Number(process.env["LYONNAIS_RUNS"] ?? 1100);
const LEAST_OPERATIONS = 90 * RUNS;

class Machine {
  readonly vm: Vm;
  readonly procs: Proc[] = [];
  readonly files: VmObject[] = [];
  segments: SysvSegment[] = [];
  shms: VmObject[] = [];
  disks: VmObject[] = [];

  constructor(rules: VmRules, { overcommit, supply, rlimit }: { overcommit: number; supply: number; rlimit: number }) {
    this.vm = new Vm({ rules, overcommit, swapTotal: supply, stackGrowPages: 4 });
    for (const ruid of [1001, 1002]) this.procs.push(this.vm.spawn({ ruid, rlimitSwap: rlimit }));
    this.files.push(this.vm.pagers.allocate({ type: "vnode", handle: "file", size: 300 }, this.procs[0]!)!);
    this.vm.objects.deallocate(this.files[0]!);
  }

  /** Carries out one step; what its call answered, if it is one that can be refused. */
  run([op, who, a, b, c]: Step): string | undefined {
    const { vm } = this;
    const td = this.procs[who % this.procs.length];
    if (!td) return undefined;
    const [start, end] = [a, a + b];
    const prot = PROTS[c % PROTS.length]!;
    const file = this.files[0]!;
    switch (op) {
      case "mmap":
        return vm.mmap(td, { start, pages: b, prot, shared: c >= 48 });
      case "mmap-fixed":
        return vm.mmap(td, { start, pages: b, prot, fixed: true });
      case "mmap-file":
        return vm.mmap(td, { start, pages: b, prot, object: file, offset: c, shared: c >= 48 });
      case "munmap":
        vm.munmap(td, start, end);
        return undefined;
      case "mprotect":
        return vm.mprotect(td, start, end, prot);
      case "mmap-free":
        return vm.mmap(td, { start, pages: b, prot, noReserve: true });
      case "mremap":
        return vm.mremap(td, remapping(td, start, b, c));
      case "minherit":
        vm.minherit(td, start, end, (["share", "copy", "none", "zero", "copy", "share"] as const)[c % 6]!);
        return undefined;
      case "madvise":
        return vm.madvise(td, start, end, (["normal", "sequential", "random", "free"] as const)[c % 4]!);
      case "fault":
        return vm.fault(td, start, c % 3 === 0 ? "read" : "write");
      case "debug":
        return vm.fault(td, start, "override", this.procs[c % this.procs.length]!);
      case "mlock":
        return vm.mlock(td, start, end);
      case "munlock":
        vm.munlock(td, start, end);
        return undefined;
      case "stack":
        return vm.mmap(td, { start, pages: b, prot: 3, stack: true });
      case "fork": {
        if (this.procs.length > 7) return undefined;
        const child = vm.fork(td, c === 0 ? "EAGAIN" : undefined);
        if (typeof child === "string") return child;
        this.procs.push(child);
        return undefined;
      }
      case "vfork":
        if (this.procs.length < 7) this.procs.push(vm.rforkMem(td));
        return undefined;
      case "unshare":
        return vm.rforkUnshare(td);
      case "exec":
        vm.execBegin(td);
        vm.stackCreate(td, 240, 20);
        return undefined;
      case "exit":
        if (this.procs.length > 1) {
          this.procs.splice(who % this.procs.length, 1);
          vm.exit(td);
        }
        return undefined;
      case "setuid":
        vm.setuid(td, UIDS[c % 3]!);
        return undefined;
      case "shmget": {
        const segment = this.segments.length < 3 ? vm.shmget(td, b, c === 0) : undefined;
        if (segment) this.segments.push(segment);
        return undefined;
      }
      case "shmat": {
        const segment = this.segments[c % 3];
        if (segment) vm.shmat(td, segment, start);
        return undefined;
      }
      case "shmdt": {
        const [first] = td.vmspace.attached;
        if (first) vm.shmdt(td, first.start);
        return undefined;
      }
      case "rmid": {
        const segment = this.segments.pop();
        if (segment) vm.shmRemove(segment);
        return undefined;
      }
      case "shm_open": {
        const object = this.shms.length < 3 ? vm.shmOpen(td) : undefined;
        if (object) this.shms.push(object);
        return undefined;
      }
      case "ftruncate": {
        const object = this.shms[c % 3];
        return object && !vm.resize(td, object, b) ? "ENOMEM" : undefined;
      }
      case "shm-map": {
        const object = this.shms[c % 3];
        return object && vm.mmap(td, { start, pages: b, prot, object, shared: c < 32 });
      }
      case "close": {
        const object = this.shms.pop();
        if (object) vm.closeHandle(object);
        return undefined;
      }
      case "md": {
        const disk = this.disks.pop();
        if (disk) {
          if (c < 40) {
            vm.resize(td, disk, b);
            this.disks.push(disk);
          } else vm.closeHandle(disk);
        } else {
          const made = vm.mdCreate(td, b);
          if (made) this.disks.push(made);
        }
        return undefined;
      }
      default:
        throw new Error(`no step ${op}`);
    }
  }

  releaseAll(): void {
    for (const proc of this.procs) this.vm.exit(proc);
    for (const segment of this.segments) this.vm.shmRemove(segment);
    for (const object of [...this.shms, ...this.disks]) this.vm.closeHandle(object);
  }
}

/** Where the sources let a refused call change totals: docs/semantics.md, "Protect" and "Fork". */
const PARTIAL = ["mprotect", "fork", "unshare", "mmap-fixed", "mlock"];

/**
 * Private memory that nobody ever shared: what is behind it holds nothing, or just what the entry would. A private mapping
 * of shared memory is none: with its last user the two become one, whatever the call was.
 */
function isPlain({ object, length, needsCopy }: VmMapEntry): boolean {
  if (needsCopy) return !isPaid(object);
  if (object === undefined) return true;
  return (
    object.divisible && !isPaid(object.backing) && (!object.cred || (object.refCount === 1 && object.charge === length))
  );
}

function isPaid(object: VmObject | undefined): boolean {
  return object !== undefined && (object.cred !== undefined || isPaid(object.backing));
}

/** Whether a refusal of `op` may change totals. Under seed one thing may: a fork that makes private what was shared. */
function mayChange(op: string, machine: Machine): boolean {
  if (machine.vm.rules === FREEBSD) return PARTIAL.includes(op);
  const entries = machine.procs.flatMap(({ vmspace }) => [...vmspace.map.entries]);
  return (
    ["fork", "unshare"].includes(op) &&
    entries.some((entry) => !isPlain(entry) && (entry.inherit === "copy" || entry.needsCopy))
  );
}

function totals(vm: Vm): unknown {
  return [
    vm.ledger.reserved,
    ...[...vm.uids].map(({ uid, vmsize }) => (vmsize === 0 ? "" : `${uid}=${vmsize}`)),
  ].filter((total) => total !== "");
}

const EVERYTHING = [
  ...[
    "mmap",
    "mmap",
    "mmap",
    "mmap-fixed",
    "madvise",
    "mmap-file",
    "munmap",
    "munmap",
    "mprotect",
    "mprotect",
    "minherit",
    "fault",
    "fault",
  ],
  ...["fault", "fault", "debug", "mlock", "munlock", "stack", "fork", "fork", "vfork", "unshare", "exec", "exit"],
  ...["mremap", "mremap", "mmap-free"],
  ...["setuid", "shmget", "shmat", "shmdt", "rmid", "shm_open", "ftruncate", "shm-map", "close", "md"],
];

for (const rules of [FREEBSD, SEED]) {
  test(`${rules.name}: everything adds up after every operation, and nothing is left at the end`, () => {
    let steps = 0;
    fc.assert(
      fc.property(setup, history(EVERYTHING), (limits, history) => {
        const machine = new Machine(rules, limits);
        for (const step of history) {
          const before = totals(machine.vm);
          const partial = mayChange(step[0], machine);
          const result = machine.run(step);
          steps++;
          if (result !== undefined && result !== "OK" && !partial) {
            assert.deepEqual(totals(machine.vm), before, `refused ${step.join(" ")}`);
          }
          assert.deepEqual(recount(machine.vm), [], step.join(" "));
        }
        machine.releaseAll();
        assert.deepEqual(recount(machine.vm), []);
        assert.equal(machine.vm.ledger.reserved, 0);
      }),
      { numRuns: RUNS, seed: seedFrom(1) },
    );
    assert.ok(steps >= LEAST_OPERATIONS, `${steps} operations`);
  });
}

/** Both worlds side by side; operations are the same, results and totals must be. */
class Pair {
  readonly machine: Machine;
  readonly naive: NaiveAccounts;
  readonly procs: NaiveProc[];
  shms: Shared[] = [];

  constructor(limits: { overcommit: number; supply: number; rlimit: number }) {
    this.machine = new Machine(SEED, limits);
    this.naive = new NaiveAccounts(limits);
    this.procs = [1001, 1002].map((uid) => ({ ruid: uid, euid: uid, rlimit: limits.rlimit, pages: new Map() }));
  }

  run([op, who, a, b, c]: Step): void {
    const { machine, naive, procs } = this;
    const { vm } = machine;
    const index = who % procs.length;
    const td = machine.procs[index]!;
    const model = procs[index]!;
    const [start, end] = [a, a + b];
    const prot = PROTS[c % PROTS.length]!;
    switch (op) {
      case "private": {
        const fixed = c % 3 === 0;
        const file = c >= 40 ? { object: machine.files[0]!, offset: c } : {};
        const got = vm.mmap(td, { start, pages: b, prot, fixed, ...file });
        assert.equal(got, naive.mapPrivate(model, start, end, prot, fixed));
        break;
      }
      case "shared":
        assert.equal(
          vm.mmap(td, { start, pages: b, prot, shared: true }),
          naive.mapShared(model, start, end, prot, undefined),
        );
        break;
      case "munmap":
        vm.munmap(td, start, end);
        naive.unmap(model, start, end);
        break;
      case "mprotect":
        assert.equal(vm.mprotect(td, start, end, prot), naive.protect(model, start, end, prot));
        break;
      case "free":
        assert.equal(
          vm.mmap(td, { start, pages: b, prot, noReserve: true }),
          naive.mapPrivate(model, start, end, prot, false, true),
        );
        break;
      case "mremap": {
        const request = remapping(td, start, b, c);
        const got = vm.mremap(td, request);
        // What is one mapping, and what is free, is not the oracle's to know.
        if (got !== "OK" && got !== "RESOURCE_SHORTAGE") break;
        const { oldPages, newPages, to, keepsOld } = request;
        assert.equal(got, naive.remap(model, request.start, oldPages, newPages, to, keepsOld));
        break;
      }
      case "minherit": {
        if (!naive.isPrivate(model, start, end)) break;
        const inherit = (["copy", "none", "zero"] as const)[c % 3]!;
        vm.minherit(td, start, end, inherit);
        naive.inherit(model, start, end, inherit);
        break;
      }
      case "fault":
        vm.fault(td, start, c % 3 === 0 ? "read" : "write");
        break;
      case "debug":
        vm.fault(td, start, "override", machine.procs[c % machine.procs.length]!);
        break;
      case "mlock":
        vm.mlock(td, start, end);
        break;
      case "munlock":
        vm.munlock(td, start, end);
        break;
      case "fork": {
        if (procs.length > 5) break;
        const child = vm.fork(td);
        const twin = naive.fork(model);
        assert.equal(typeof child === "string" ? undefined : "made", twin && "made");
        if (typeof child === "string" || !twin) break;
        machine.procs.push(child);
        procs.push(twin);
        break;
      }
      case "exit":
        if (procs.length === 1) break;
        vm.exit(td);
        machine.procs.splice(index, 1);
        naive.exit(model);
        procs.splice(index, 1);
        break;
      case "setuid":
        vm.setuid(td, UIDS[c % 3]!);
        model.ruid = UIDS[c % 3]!;
        model.euid = model.ruid;
        break;
      case "shm_open": {
        if (this.shms.length > 2) break;
        const object = vm.shmOpen(td);
        const shared = naive.newShared(model);
        assert.equal(object && "made", shared && "made");
        if (object) machine.shms.push(object);
        if (shared) this.shms.push(shared);
        break;
      }
      case "ftruncate": {
        const shared = this.shms[c % 3];
        if (shared) {
          assert.equal(vm.resize(td, machine.shms[c % 3]!, b), naive.resizeShared(model, shared, b));
        }
        break;
      }
      case "shm-map": {
        const shared = this.shms[c % 3];
        if (!shared) break;
        const object = machine.shms[c % 3]!;
        assert.equal(
          vm.mmap(td, { start, pages: b, prot, object, shared: true }),
          naive.mapShared(model, start, end, prot, shared),
        );
        break;
      }
      case "close": {
        const object = machine.shms.pop();
        if (object) vm.closeHandle(object);
        const shared = this.shms.pop();
        if (shared) naive.dropShared(shared);
        break;
      }
      default:
        throw new Error(`no step ${op}`);
    }
  }

  compare(after: string): void {
    const { vm } = this.machine;
    assert.equal(vm.ledger.reserved, this.naive.total, after);
    for (const { uid, vmsize } of vm.uids) assert.equal(vmsize, this.naive.uids.get(uid) ?? 0, `uid ${uid}, ${after}`);
  }
}

const WITH_ORACLE = [
  ...["private", "private", "private", "shared", "munmap", "munmap", "mprotect", "mprotect", "minherit", "fault"],
  ...["fault", "fault", "debug", "mlock", "munlock", "fork", "fork", "exit", "setuid", "shm_open", "ftruncate"],
  ...["shm-map", "close", "mremap", "mremap", "free"],
];

test("seed: every total and every result is what counting page by page says", () => {
  let steps = 0;
  fc.assert(
    fc.property(setup, history(WITH_ORACLE), (limits, history) => {
      const pair = new Pair(limits);
      for (const step of history) {
        pair.run(step);
        steps++;
        pair.compare(step.join(" "));
      }
    }),
    { numRuns: RUNS, seed: seedFrom(1) },
  );
  assert.ok(steps >= LEAST_OPERATIONS, `${steps} operations`);
});
