import assert from "node:assert/strict";
import { test } from "node:test";
import { mapLines } from "./map-line.ts";
import type { VmObject } from "./object.ts";
import type { Proc } from "./proc.ts";
import { FREEBSD } from "./rules/freebsd.ts";
import type { VmRules } from "./rules/rules.ts";
import { SEED } from "./rules/seed.ts";
import { Vm } from "./vm.ts";

function lines(proc: Proc): string {
  const seen: VmObject[] = [];
  const address = (object: VmObject): number => {
    if (!seen.includes(object)) seen.push(object);
    return 0xc000_0000 + 0x100 * seen.indexOf(object);
  };
  return [...mapLines(proc.vmspace.map, { pageSize: 4096, address })].map((line) => `${line}\n`).join("");
}

/** A program with text, data, heap, shared memory, a reservation and a stack, that has forked. */
function program(rules: VmRules): { readonly parent: Proc; readonly child: Proc } {
  const vm = new Vm({ rules });
  const parent = vm.spawn({ ruid: 1001 });
  const file = vm.pagers.allocate({ type: "vnode", handle: "/bin/cat", size: 32 }, parent)!;
  vm.objects.deallocate(file);
  vm.mmap(parent, { start: 0x400, pages: 16, prot: 5, object: file });
  vm.mmap(parent, { start: 0x600, pages: 2, prot: 3, object: file, offset: 16 });
  vm.mmap(parent, { start: 0x700, pages: 8, prot: 3 });
  vm.mmap(parent, { start: 0x800, pages: 4, prot: 3, shared: true });
  vm.mmap(parent, { start: 0x900, pages: 64, prot: 0 });
  vm.stackCreate(parent, 0x7_ffff, 256);
  for (const page of [0x400, 0x401, 0x40f]) vm.fault(parent, page, "read");
  for (const page of [0x601, 0x700, 0x703, 0x800]) vm.fault(parent, page, "write");
  const child = vm.fork(parent);
  assert.ok(typeof child !== "string");
  vm.setuid(child, 1002);
  vm.fault(child, 0x701, "write");
  vm.mmap(child, { start: 0xa00, pages: 1, prot: 3 });
  return { parent, child };
}

test("a map under the freebsd rules", () => {
  const { parent, child } = program(FREEBSD);
  assert.equal(
    lines(parent),
    `\
0x400000 0x410000 3 4 0xc0000000 r-x 3 1 0x0 COW NC vnode /bin/cat NCH -1
0x600000 0x602000 1 0 0xc0000100 rw- 2 0 0x0 COW NC vnode /bin/cat CH 1001
0x700000 0x708000 2 2 0xc0000200 rw- 2 1 0x0 COW NC default - CH 1001
0x800000 0x804000 1 0 0xc0000300 rw- 2 0 0x0 NCOW NNC default - CH 1001
0x900000 0x940000 0 0 0 --- 0 0 0x0 NCOW NNC none - NCH -1
0x7ffdf000 0x7ffff000 0 0 0 rw- 0 0 0x0 NCOW NNC none - CH 1001
`,
  );
  assert.equal(
    lines(child),
    `\
0x400000 0x410000 3 4 0xc0000000 r-x 3 1 0x0 COW NC vnode /bin/cat NCH -1
0x600000 0x602000 1 0 0xc0000100 rw- 2 0 0x0 COW NC vnode /bin/cat CH 1001
0x700000 0x708000 3 0 0xc0000200 rw- 1 0 0x2000 COW NNC default - CH 1001
0x800000 0x804000 1 0 0xc0000300 rw- 2 0 0x0 NCOW NNC default - CH 1001
0x900000 0x940000 0 0 0 --- 0 0 0x0 NCOW NNC none - NCH -1
0xa00000 0xa01000 0 0 0 rw- 0 0 0x0 NCOW NNC none - CH 1002
0x7ffdf000 0x7ffff000 0 0 0 rw- 0 0 0x0 NCOW NNC none - CH 1001
`,
  );
});

test("a map under the seed rules", () => {
  assert.equal(
    lines(program(SEED).child),
    `\
0x400000 0x410000 3 4 0xc0000000 r-x 3 1 0x0 COW NC vnode /bin/cat NCH -1
0x600000 0x602000 1 0 0xc0000100 rw- 2 0 0x0 COW NC vnode /bin/cat CH 1001
0x700000 0x708000 3 0 0xc0000200 rw- 1 0 0x2000 COW NNC default - CH 1001
0x800000 0x804000 1 0 0xc0000300 rw- 2 0 0x10 NCOW NNC swap - CH 1001
0x900000 0x940000 0 0 0 --- 0 0 0x0 NCOW NNC none - NCH -1
0xa00000 0xa01000 0 0 0 rw- 0 0 0x0 NCOW NNC none - CH 1002
0x7ffdf000 0x7ffff000 0 0 0 rw- 0 0 0x0 NCOW NNC none - CH 1001
`,
  );
});

test("without -1: an entry that needs a copy shows the payer of its object, whoever that is", () => {
  const vm = new Vm({ rules: FREEBSD });
  const maker = vm.spawn({ ruid: 1001 });
  const other = vm.spawn({ ruid: 1002 });
  const object = vm.shmOpen(maker)!;
  vm.resize(maker, object, 4);
  vm.mmap(other, { start: 16, pages: 4, prot: 1, object });
  assert.equal(lines(other), "0x10000 0x14000 0 0 0xc0000000 r-- 2 0 0x10 COW NC default - CH 1001\n");
});
