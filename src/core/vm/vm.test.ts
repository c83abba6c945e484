/** What the vectors do not reach: exec as a whole, pagers with names, the heap, rights of a fault. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MAP_ENTRY_NOFAULT } from "./entry.ts";
import { type ExecImage, execve } from "./exec.ts";
import { recount } from "./invariants.ts";
import { FREEBSD } from "./rules/freebsd.ts";
import { SEED } from "./rules/seed.ts";
import { Vm } from "./vm.ts";

const IMAGE: ExecImage = {
  stackTop: 1000,
  stackMaximum: 256,
  segments: [{ start: 16, pages: 10, prot: 3 }],
  dataEnd: 26,
};

test("exec reserves room for its arguments while it runs; without it the old image lives on", () => {
  const vm = new Vm({ rules: FREEBSD, overcommit: 1, swapTotal: 70 });
  const proc = vm.spawn({ ruid: 1001 });
  vm.mmap(proc, { start: 500, pages: 5, prot: 3 });
  assert.equal(execve(vm, proc, IMAGE), "ENOMEM");
  assert.equal(vm.ledger.reserved, 5);
  assert.equal(proc.vmspace.map.entries.count, 1);
  vm.munmap(proc, 504, 505);
  assert.equal(execve(vm, proc, { ...IMAGE, stackMaximum: 2, segments: [] }), "OK");
  assert.equal(vm.ledger.reserved, 2);
});

test("an image that does not fit once the old one is gone ends the process", () => {
  const vm = new Vm({ rules: SEED, overcommit: 1, swapTotal: 40 });
  const proc = vm.spawn({ ruid: 1001 });
  assert.equal(execve(vm, proc, IMAGE), "ABORT");
  assert.deepEqual([vm.ledger.reserved, vm.procs.size], [0, 0]);
  assert.deepEqual(recount(vm), []);
});

test("a set-uid image is charged to the real uid, and its heap starts behind it", () => {
  const vm = new Vm({ rules: SEED });
  const proc = vm.spawn({ ruid: 1001 });
  assert.equal(execve(vm, proc, { ...IMAGE, euid: 0 }), "OK");
  assert.equal(vm.obreak(proc, 30), "OK");
  assert.equal(vm.uids.find(1001).vmsize, 32 + 10 + 4);
  assert.equal(vm.uids.find(0).vmsize, 0);
  assert.equal(vm.obreak(proc, 25), "INVALID_ARGUMENT");
  assert.equal(vm.obreak(proc, 26), "OK");
  assert.equal(vm.uids.find(1001).vmsize, 42);
});

test("brk stops at what is mapped above the heap, and changes nothing then", () => {
  const vm = new Vm({ rules: SEED });
  const proc = vm.spawn({ ruid: 1001 });
  vm.obreak(proc, 10);
  vm.mmap(proc, { start: 15, pages: 1, prot: 3 });
  assert.equal(vm.obreak(proc, 20), "NO_SPACE");
  assert.equal(vm.obreak(proc, 15), "OK");
  assert.equal(vm.ledger.reserved, 16);
});

test("a pager charges the credential it is given; the same name is the same object, paid for once", () => {
  const vm = new Vm({ rules: SEED });
  const caller = vm.spawn({ ruid: 1001 });
  const cred = vm.uids.find(1002);
  const first = vm.pagers.allocate({ type: "swap", handle: "a", size: 8, cred }, caller)!;
  assert.equal(vm.pagers.allocate({ type: "swap", handle: "a", size: 8, cred: caller.ruid }, caller), first);
  assert.deepEqual([cred.vmsize, caller.ruid.vmsize, first.refCount], [8, 0, 2]);
  for (const type of ["vnode", "device", "phys", "sg"] as const) {
    vm.pagers.allocate({ type, handle: "b", size: 100, cred }, caller);
  }
  vm.pagers.allocate({ type: "default", size: 5 }, caller);
  assert.equal(vm.ledger.reserved, 8);
  vm.objects.deallocate(first);
  vm.objects.deallocate(first);
  assert.equal(vm.ledger.reserved, 0);
  const again = vm.pagers.allocate({ type: "swap", handle: "a", size: 8, cred }, caller);
  assert.notEqual(again, first);
});

test("a pager refuses by the limit of the caller", () => {
  const vm = new Vm({ rules: SEED, overcommit: 2 });
  const caller = vm.spawn({ ruid: 1001, rlimitSwap: 10 });
  const cred = vm.uids.find(1002);
  assert.ok(vm.pagers.allocate({ type: "swap", size: 10, cred }, caller));
  assert.equal(vm.pagers.allocate({ type: "swap", size: 1, cred }, caller), undefined);
  assert.ok(vm.pagers.allocate({ type: "swap", size: 1, cred }, vm.spawn({ ruid: 0 })));
});

test("faults: nothing mapped, no such right, the stack grows by itself", () => {
  const vm = new Vm({ rules: SEED });
  const proc = vm.spawn({ ruid: 1001 });
  vm.mmap(proc, { start: 100, pages: 1, prot: 0 });
  vm.mmap(proc, { start: 101, pages: 1, prot: 1 });
  vm.stackCreate(proc, 1000, 64);
  assert.equal(vm.fault(proc, 99, "read"), "INVALID_ADDRESS");
  assert.equal(vm.fault(proc, 100, "read"), "PROTECTION_FAILURE");
  assert.equal(vm.fault(proc, 101, "write"), "PROTECTION_FAILURE");
  assert.equal(vm.fault(proc, 940, "write"), "OK");
  assert.equal(vm.ledger.reserved, 60);
  assert.equal(vm.fault(proc, 935, "write"), "INVALID_ADDRESS");
});

test("a stack does not grow into what is below it", () => {
  const vm = new Vm({ rules: FREEBSD });
  const proc = vm.spawn({ ruid: 1001 });
  vm.stackCreate(proc, 1000, 256);
  vm.mmap(proc, { start: 940, pages: 10, prot: 1 });
  assert.equal(vm.fault(proc, 945, "write"), "PROTECTION_FAILURE");
  assert.equal(vm.fault(proc, 960, "write"), "OK");
  // 32 pages would reach below 950.
  assert.equal(vm.ledger.reserved, 32 + 18);
  assert.deepEqual(recount(vm), []);
});

test("mprotect never goes beyond what a mapping may have, and then changes nothing", () => {
  const vm = new Vm({ rules: SEED });
  const proc = vm.spawn({ ruid: 1001 });
  vm.mmap(proc, { start: 100, pages: 4, prot: 1 });
  vm.mmap(proc, { start: 104, pages: 4, prot: 1, maxProt: 1 });
  assert.equal(vm.mprotect(proc, 100, 108, 3), "PROTECTION_FAILURE");
  assert.equal(vm.ledger.reserved, 0);
});

test("seed: what was shared is given back to the page once it is private again", () => {
  const vm = new Vm({ rules: SEED });
  const parent = vm.spawn({ ruid: 1001 });
  vm.mmap(parent, { start: 0, pages: 10, prot: 3 });
  vm.fault(parent, 0, "write");
  vm.minherit(parent, 0, 10, "share");
  const child = vm.fork(parent);
  assert.ok(typeof child !== "string");
  vm.munmap(parent, 8, 10);
  assert.equal(vm.ledger.reserved, 10);
  vm.exit(child);
  vm.minherit(parent, 0, 8, "copy");
  assert.equal(vm.fork(parent, "EAGAIN"), "EAGAIN");
  assert.equal(vm.ledger.reserved, 8);
  assert.deepEqual(recount(vm), []);
});

test("memory that is made without a charge never gets one by itself (MAP_NOFAULT)", () => {
  const vm = new Vm({ rules: FREEBSD });
  const proc = vm.spawn({ ruid: 1001 });
  const { map } = proc.vmspace;
  assert.equal(map.insert({ start: 0, end: 8, prot: 3, flags: MAP_ENTRY_NOFAULT, charge: "none" }, proc), "OK");
  vm.fault(proc, 1, "write");
  vm.munmap(proc, 2, 4);
  assert.equal(vm.ledger.reserved, 0);
  assert.deepEqual(recount(vm), []);
});
