/** What each request does that others seldom ask for, under both rules: totals, refusals, and which mappings there are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { execve } from "./exec.ts";
import { recount } from "./invariants.ts";
import type { Proc } from "./proc.ts";
import { FREEBSD } from "./rules/freebsd.ts";
import { SEED } from "./rules/seed.ts";
import { ObjectNames } from "./snapshot.ts";
import { Vm } from "./vm.ts";

const READ = 1;
const WRITABLE = 3;

const layout = ({ vmspace: { map } }: Proc): string[] =>
  [...map.entries].map(({ start, end, prot }) => `${start}-${end} ${prot}`);

function machine(rules = SEED) {
  const vm = new Vm({ rules });
  const proc = vm.spawn({ ruid: 1001 });
  const fork = (of = proc): Proc => {
    const child = vm.fork(of);
    assert.ok(typeof child !== "string");
    return child;
  };
  return { vm, proc, fork };
}

test("an empty mapping is refused, and takes no place of another", () => {
  for (const rules of [FREEBSD, SEED]) {
    const { vm, proc } = machine(rules);
    vm.mmap(proc, { start: 10, pages: 10, prot: WRITABLE });
    for (const fixed of [false, true]) {
      assert.equal(vm.mmap(proc, { start: 15, pages: 0, prot: WRITABLE, fixed }), "INVALID_ADDRESS");
      assert.equal(vm.mmap(proc, { start: 30, pages: 0, prot: WRITABLE, fixed }), "INVALID_ADDRESS");
    }
    assert.equal(vm.munmap(proc, 15, 15), "INVALID_ARGUMENT");
    assert.equal(vm.munmap(proc, 16, 15), "INVALID_ARGUMENT");
    assert.equal(vm.mprotect(proc, 15, 15, READ), "OK");
    assert.deepEqual([layout(proc), vm.ledger.reserved], [["10-20 3"], 10]);
  }
});

test("mappings that may come to have different rights are not joined", () => {
  const { vm, proc } = machine();
  vm.mmap(proc, { start: 10, pages: 5, prot: READ, maxProt: READ });
  vm.mmap(proc, { start: 15, pages: 5, prot: READ });
  assert.deepEqual(layout(proc), ["10-15 1", "15-20 1"]);
  assert.equal(vm.mprotect(proc, 10, 15, WRITABLE), "PROTECTION_FAILURE");
  assert.equal(vm.mprotect(proc, 15, 20, WRITABLE), "OK");
  // A debugger may write what the process may make writable, and no more.
  vm.mprotect(proc, 15, 20, READ);
  const debuggers = vm.spawn({ ruid: 1001 });
  assert.equal(vm.fault(debuggers, 12, "override", proc), "PROTECTION_FAILURE");
  assert.equal(vm.fault(debuggers, 17, "override", proc), "OK");
});

test("a stack has at least a page, fits below its top, and is a mapping of its own", () => {
  const { vm, proc } = machine();
  assert.equal(vm.stackCreate(proc, 100, 0), "INVALID_ARGUMENT");
  assert.equal(vm.stackCreate(proc, 100, 101), "INVALID_ARGUMENT");
  assert.deepEqual(layout(proc), []);
  vm.mmap(proc, { start: 60, pages: 8, prot: WRITABLE });
  assert.equal(vm.stackCreate(proc, 100, 100), "OK");
  assert.deepEqual(layout(proc), ["60-68 3", "68-100 3"]);
  assert.equal(vm.fault(proc, 59, "write"), "INVALID_ADDRESS");
});

test("a stack grows down to its maximum, for its own process and for nobody else", () => {
  const { vm, proc } = machine();
  vm.stackCreate(proc, 1000, 64);
  const debuggers = vm.spawn({ ruid: 1002 });
  assert.equal(vm.fault(debuggers, 960, "override", proc), "INVALID_ADDRESS");
  assert.equal(vm.fault(proc, 935, "write"), "INVALID_ADDRESS");
  assert.equal(vm.stackGrow(proc, 968), "NO_SPACE");
  assert.equal(vm.ledger.reserved, 32);
  assert.equal(vm.fault(proc, 936, "write"), "OK");
  assert.deepEqual([vm.ledger.reserved, layout(proc)], [64, ["936-968 3", "968-1000 3"]]);
  assert.equal(vm.fault(proc, 935, "write"), "INVALID_ADDRESS");
});

test("MAP_STACK memory grows in FreeBSD, and is charged whole under seed", () => {
  for (const [rules, mappings, reserved] of [
    [FREEBSD, ["132-164 3"], 32],
    [SEED, ["100-164 3"], 64],
  ] as const) {
    const { vm, proc } = machine(rules);
    assert.equal(vm.mmap(proc, { start: 100, pages: 64, prot: WRITABLE, stack: true }), "OK");
    assert.deepEqual([layout(proc), vm.ledger.reserved], [mappings, reserved]);
    assert.equal(vm.fault(proc, 101, "write"), "OK");
  }
});

test("MAP_NORESERVE is ignored by FreeBSD, and free under seed, also once it is written to, protected and forked", () => {
  for (const [rules, reserved] of [
    [FREEBSD, 8],
    [SEED, 0],
  ] as const) {
    const { vm, proc } = machine(rules);
    vm.mmap(proc, { start: 0, pages: 8, prot: WRITABLE, noReserve: true });
    assert.equal(vm.ledger.reserved, reserved);
    if (rules === FREEBSD) continue;
    vm.fault(proc, 0, "write");
    vm.mprotect(proc, 0, 8, READ);
    vm.mprotect(proc, 0, 8, WRITABLE);
    vm.minherit(proc, 4, 8, "zero");
    assert.ok(typeof vm.fork(proc) !== "string");
    assert.deepEqual([vm.ledger.reserved, recount(vm)], [0, []]);
  }
});

test("memory that a child gets zeroed is charged like new memory; FreeBSD charges it whatever its rights are", () => {
  for (const [rules, prot, reserved] of [
    [FREEBSD, READ, 4],
    [SEED, READ, 0],
    [FREEBSD, WRITABLE, 8],
    [SEED, WRITABLE, 8],
  ] as const) {
    const { vm, proc, fork } = machine(rules);
    vm.mmap(proc, { start: 0, pages: 4, prot });
    vm.minherit(proc, 0, 4, "zero");
    fork();
    assert.equal(vm.ledger.reserved, reserved, `${rules.name} ${prot}`);
  }
});

test("part of a mapping that a child shares is given back when nobody maps it: under seed, and not by FreeBSD, whose object is one", () => {
  for (const [rules, shared, left] of [
    [SEED, 15, 10],
    [FREEBSD, 20, 20],
  ] as const) {
    const { vm, proc, fork } = machine(rules);
    vm.mmap(proc, { start: 0, pages: 10, prot: WRITABLE });
    vm.fault(proc, 0, "write");
    vm.minherit(proc, 0, 5, "share");
    const child = fork();
    assert.equal(vm.ledger.reserved, shared, rules.name);
    for (const each of [proc, child]) vm.munmap(each, 0, 5);
    assert.equal(vm.ledger.reserved, left, rules.name);
    for (const each of [proc, child]) vm.exit(each);
    assert.deepEqual([vm.ledger.reserved, recount(vm)], [0, []]);
  }
});

test("the tail of an object goes with the only mapping of it, and stays while anybody else has it", () => {
  for (const isOnly of [true, false]) {
    const { vm, proc } = machine();
    const { map } = proc.vmspace;
    const object = vm.pagers.allocate({ type: "swap", size: 8, cred: proc.ruid }, proc)!;
    if (!isOnly) vm.handles.add(object);
    if (!isOnly) object.refCount++;
    assert.equal(map.insert({ start: 0, end: 8, prot: WRITABLE, object }, proc), "OK");
    vm.munmap(proc, 4, 8);
    assert.deepEqual([vm.ledger.reserved, recount(vm)], [isOnly ? 4 : 8, []]);
  }
});

test("locked memory that a fork has made copy-on-write is not written to, and is again when it is unlocked", () => {
  const { vm, proc, fork } = machine();
  vm.mmap(proc, { start: 0, pages: 4, prot: WRITABLE });
  vm.mlock(proc, 0, 4);
  assert.equal(vm.fault(proc, 0, "write"), "OK");
  fork();
  assert.equal(vm.fault(proc, 0, "write"), "PROTECTION_FAILURE");
  assert.equal(vm.fault(proc, 0, "read"), "OK");
  vm.munlock(proc, 0, 4);
  assert.equal(vm.fault(proc, 0, "write"), "OK");
});

test("memory that may not be read cannot be locked, and nothing of the range stays locked", () => {
  const { vm, proc } = machine();
  vm.mmap(proc, { start: 0, pages: 4, prot: WRITABLE });
  vm.mmap(proc, { start: 4, pages: 4, prot: 0 });
  assert.equal(vm.mlock(proc, 0, 8), "INVALID_ADDRESS");
  assert.deepEqual(
    [...proc.vmspace.map.entries].map(({ wired }) => wired),
    [false, false],
  );
  assert.equal(vm.mlock(proc, 0, 4), "OK");
  assert.equal(vm.mlock(proc, 0, 2), "OK");
  assert.equal(vm.mlock(proc, 0, 0), "OK");
});

test("a segment is attached while it is there, or somebody has it, and is detached where it was attached", () => {
  const { vm, proc } = machine();
  const other = vm.spawn({ ruid: 1002 });
  const segment = vm.shmget(proc, 4)!;
  assert.equal(vm.shmat(proc, segment, 0), "OK");
  assert.equal(vm.shmat(proc, segment, 2), "NO_SPACE");
  assert.equal(vm.shmdt(proc, 1), "INVALID_ARGUMENT");
  assert.equal(vm.shmRemove(segment), "OK");
  assert.equal(vm.shmRemove(segment), "INVALID_ARGUMENT");
  assert.equal(vm.shmat(other, segment, 0), "OK");
  assert.equal(vm.shmdt(proc, 0), "OK");
  assert.equal(vm.shmdt(proc, 0), "INVALID_ARGUMENT");
  assert.deepEqual([layout(proc), vm.ledger.reserved], [[], 4]);
  vm.exit(other);
  assert.equal(vm.ledger.reserved, 0);
  assert.equal(vm.shmat(proc, segment, 0), "INVALID_ARGUMENT");
  assert.deepEqual(recount(vm), []);
});

test("a segment that a child has too goes with the last of them", () => {
  const { vm, proc, fork } = machine();
  const segment = vm.shmget(proc, 4)!;
  vm.shmat(proc, segment, 0);
  const child = fork();
  vm.shmRemove(segment);
  vm.shmdt(proc, 0);
  assert.equal(vm.ledger.reserved, 4);
  vm.exit(child);
  assert.equal(vm.ledger.reserved, 0);
});

test("physical memory costs no swap", () => {
  const { vm, proc } = machine();
  assert.ok(vm.shmget(proc, 4, true));
  assert.equal(vm.ledger.reserved, 0);
});

test("a heap that has shrunk pays for what it grows by again; who executes a set-uid program is another user", () => {
  const { vm, proc } = machine();
  const image = { stackTop: 1000, stackMaximum: 8, segments: [], dataEnd: 20 };
  assert.equal(execve(vm, proc, { ...image, euid: 7 }), "OK");
  assert.deepEqual([proc.euid, proc.ruid.uid], [7, 1001]);
  assert.equal(execve(vm, proc, image), "OK");
  assert.equal(proc.euid, 7);
  for (const [end, pages] of [
    [30, 10],
    [24, 4],
    [24, 4],
    [29, 9],
    [20, 0],
    [21, 1],
  ] as const) {
    assert.equal(vm.obreak(proc, end), "OK");
    assert.equal(vm.ledger.reserved, 8 + pages, `to ${end}`);
  }
});

test("exec reserves nothing for its arguments under seed: it is the image that does not fit", () => {
  const vm = new Vm({ rules: SEED, overcommit: 2 });
  const [proc, other] = [1, 2].map(() => vm.spawn({ ruid: 1001, rlimitSwap: 5 })) as [Proc, Proc];
  other.rlimitSwap = 50;
  vm.mmap(other, { start: 0, pages: 20, prot: WRITABLE });
  assert.equal(execve(vm, proc, { stackTop: 100, stackMaximum: 8, segments: [], dataEnd: 20 }), "ABORT");
});

test("a named object is as large as its largest user asks for", () => {
  const { vm, proc } = machine();
  const ask = (size: number, offset = 0) => vm.pagers.allocate({ type: "vnode", handle: "file", size, offset }, proc)!;
  const object = ask(4);
  assert.deepEqual([ask(2), object.size], [object, 4]);
  assert.deepEqual([ask(3, 6), object.size], [object, 9]);
});

test("objects have the names that they are given, others the next number; processes are numbered", () => {
  const { vm, proc } = machine();
  const make = () => vm.objects.allocate("default", 1);
  const names = new ObjectNames();
  const [first, second, third] = [make(), make(), make()];
  names.give(second, "heap");
  assert.deepEqual(
    [first, second, third, first].map((object) => names.of(object)),
    ["O1", "heap", "O2", "O1"],
  );
  assert.deepEqual([proc.pid, vm.spawn({ ruid: 1001 }).pid], [1, 2]);
});
