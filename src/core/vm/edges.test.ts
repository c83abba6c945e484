/** Requests at the edge of what there is: what is refused, with which word, and that nothing has changed then. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { recount } from "./invariants.ts";
import { VmObject } from "./object.ts";
import { PageRuns } from "./page-runs.ts";
import type { Proc } from "./proc.ts";
import type { RemapRequest } from "./remap.ts";
import { FREEBSD } from "./rules/freebsd.ts";
import { SEED } from "./rules/seed.ts";
import { Vm } from "./vm.ts";
import type { KernReturn } from "./vocabulary.ts";

const READ = 1;
const WRITABLE = 3;

/** `start-end rights` of each mapping. */
function layout({ vmspace: { map } }: Proc): string[] {
  return [...map.entries].map(({ start, end, prot }) => `${start}-${end} ${prot}`);
}

/** Two mappings with a gap, and something mapped behind them. */
function scene(rules = SEED) {
  const vm = new Vm({ rules });
  const proc = vm.spawn({ ruid: 1001 });
  vm.mmap(proc, { start: 100, pages: 10, prot: WRITABLE });
  vm.mmap(proc, { start: 120, pages: 10, prot: READ });
  return { vm, proc };
}

const BOTH = ["100-110 3", "120-130 1"];

const REMAPS: readonly (readonly [request: RemapRequest, result: KernReturn, pages: number, layout: string[]])[] = [
  [{ start: 100, oldPages: 0, newPages: 5 }, "INVALID_ARGUMENT", 10, BOTH],
  [{ start: 100, oldPages: 10, newPages: 0 }, "INVALID_ARGUMENT", 10, BOTH],
  [{ start: 100, oldPages: 10, newPages: 10, keepsOld: true }, "INVALID_ARGUMENT", 10, BOTH],
  [{ start: 100, oldPages: 10, newPages: 12, to: 200, keepsOld: true }, "INVALID_ARGUMENT", 10, BOTH],
  [{ start: 99, oldPages: 1, newPages: 2 }, "INVALID_ADDRESS", 10, BOTH],
  [{ start: 110, oldPages: 1, newPages: 2 }, "INVALID_ADDRESS", 10, BOTH],
  [{ start: 100, oldPages: 11, newPages: 12 }, "INVALID_ADDRESS", 10, BOTH],
  [{ start: 100, oldPages: 10, newPages: 20 }, "OK", 20, ["100-120 3", "120-130 1"]],
  [{ start: 100, oldPages: 10, newPages: 21 }, "NO_SPACE", 10, BOTH],
  [{ start: 105, oldPages: 5, newPages: 8 }, "OK", 13, ["100-113 3", "120-130 1"]],
  [{ start: 100, oldPages: 5, newPages: 8 }, "NO_SPACE", 10, BOTH],
  [{ start: 100, oldPages: 10, newPages: 10 }, "OK", 10, BOTH],
  [{ start: 100, oldPages: 10, newPages: 4 }, "OK", 4, ["100-104 3", "120-130 1"]],
  [{ start: 120, oldPages: 10, newPages: 90 }, "OK", 10, ["100-110 3", "120-210 1"]],
  [{ start: 100, oldPages: 10, newPages: 10, to: 110 }, "OK", 10, ["110-120 3", "120-130 1"]],
  [{ start: 100, oldPages: 10, newPages: 10, to: 111 }, "NO_SPACE", 10, BOTH],
  [{ start: 100, oldPages: 10, newPages: 1, to: 129 }, "NO_SPACE", 10, BOTH],
  [{ start: 100, oldPages: 10, newPages: 30, to: 130 }, "OK", 30, ["120-130 1", "130-160 3"]],
  [{ start: 102, oldPages: 3, newPages: 3, to: 200 }, "OK", 10, ["100-102 3", "105-110 3", "120-130 1", "200-203 3"]],
  [{ start: 100, oldPages: 10, newPages: 3, to: 200 }, "OK", 3, ["120-130 1", "200-203 3"]],
  [
    { start: 100, oldPages: 10, newPages: 10, to: 200, keepsOld: true },
    ...(["OK", 20, ["100-110 3", "120-130 1", "200-210 3"]] as const),
  ],
] as never;

for (const [request, result, pages, after] of REMAPS) {
  test(`mremap ${JSON.stringify(request)}: ${result}`, () => {
    const { vm, proc } = scene();
    assert.equal(vm.mremap(proc, request), result);
    assert.deepEqual([layout(proc), vm.ledger.reserved], [after, pages]);
    assert.deepEqual(recount(vm), []);
  });
}

test("FreeBSD has no mremap", () => {
  const { vm, proc } = scene(FREEBSD);
  assert.equal(vm.mremap(proc, { start: 100, oldPages: 10, newPages: 4 }), "INVALID_ARGUMENT");
  assert.deepEqual(layout(proc), BOTH);
});

test("growth in place is charged before it is done, and refused beyond the limit", () => {
  const vm = new Vm({ rules: SEED, overcommit: 2 });
  const proc = vm.spawn({ ruid: 1001, rlimitSwap: 12 });
  vm.mmap(proc, { start: 100, pages: 10, prot: WRITABLE });
  assert.equal(vm.mremap(proc, { start: 100, oldPages: 10, newPages: 13 }), "RESOURCE_SHORTAGE");
  assert.deepEqual([layout(proc), vm.ledger.reserved], [["100-110 3"], 10]);
  assert.equal(vm.mremap(proc, { start: 100, oldPages: 10, newPages: 12 }), "OK");
});

test("a mapping ends where it ends: the page behind it is not mapped", () => {
  const { vm, proc } = scene();
  assert.equal(vm.fault(proc, 109, "write"), "OK");
  for (const page of [99, 110, 119, 130]) assert.equal(vm.fault(proc, page, "read"), "INVALID_ADDRESS", `page ${page}`);
});

test("what mlock has cut is one mapping again after munlock; a hole is refused", () => {
  const { vm, proc } = scene();
  // So that all of it has one object.
  vm.fault(proc, 100, "write");
  assert.equal(vm.mlock(proc, 102, 105), "OK");
  assert.equal(layout(proc).length, 4);
  assert.equal(vm.munlock(proc, 102, 105), "OK");
  assert.deepEqual(layout(proc), BOTH);
  vm.mlock(proc, 101, 103);
  vm.mlock(proc, 105, 107);
  vm.munlock(proc, 100, 110);
  assert.deepEqual(layout(proc), BOTH);
  for (const [start, end] of [
    [99, 101],
    [105, 125],
    [110, 120],
  ] as const) {
    assert.equal(vm.mlock(proc, start, end), "INVALID_ADDRESS", `${start} to ${end}`);
  }
  assert.deepEqual(layout(proc), BOTH);
});

test("advice that is kept cuts a mapping, other advice does not", () => {
  for (const [advice, mappings] of [
    ["random", 4],
    ["sequential", 4],
    ["normal", 2],
    ["dontneed", 2],
    ["free", 2],
  ] as const) {
    const { vm, proc } = scene();
    assert.equal(vm.madvise(proc, 103, 105, advice as never), "OK");
    assert.equal(layout(proc).length, mappings, advice);
  }
});

test("locked private memory of a file is copied when it becomes writable, not before", () => {
  const vm = new Vm({ rules: SEED });
  const proc = vm.spawn({ ruid: 1001 });
  const object = vm.pagers.allocate({ type: "vnode", handle: "file", size: 4 }, proc)!;
  assert.equal(vm.mmap(proc, { start: 0, pages: 4, prot: READ, object }), "OK");
  assert.equal(vm.mlock(proc, 0, 4), "OK");
  const entry = () => proc.vmspace.map.lookup(0)!;
  vm.mprotect(proc, 0, 4, READ);
  assert.deepEqual([entry().needsCopy, entry().object], [true, object]);
  assert.equal(vm.mprotect(proc, 0, 4, WRITABLE), "OK");
  assert.deepEqual([entry().needsCopy, entry().cow, entry().wired, entry().prot], [false, false, true, WRITABLE]);
  assert.notEqual(entry().object, object);
  vm.objects.deallocate(object);
  assert.deepEqual([vm.ledger.reserved, recount(vm)], [4, []]);
});

test("seed: memory that another address space has too does not grow with what is mapped behind it", () => {
  const vm = new Vm({ rules: SEED });
  const parent = vm.spawn({ ruid: 1001 });
  vm.mmap(parent, { start: 0, pages: 4, prot: WRITABLE });
  vm.fault(parent, 0, "write");
  vm.minherit(parent, 0, 4, "share");
  const child = vm.fork(parent);
  assert.ok(typeof child !== "string");
  vm.minherit(parent, 0, 4, "copy");
  vm.mmap(parent, { start: 4, pages: 2, prot: WRITABLE });
  assert.equal(vm.ledger.reserved, 6);
  vm.munmap(parent, 4, 6);
  assert.deepEqual([vm.ledger.reserved, recount(vm)], [4, []]);
});

test("freebsd: what follows a charged object is charged, or, where nothing is left, a mapping of its own", () => {
  for (const [swapTotal, reserved, mappings] of [
    [10, 6, 2],
    [5, 4, 2],
  ] as const) {
    const vm = new Vm({ rules: FREEBSD, overcommit: 1, swapTotal });
    const proc = vm.spawn({ ruid: 1001 });
    vm.mmap(proc, { start: 0, pages: 4, prot: WRITABLE });
    vm.fault(proc, 0, "write");
    assert.equal(vm.mmap(proc, { start: 4, pages: 2, prot: READ }), "OK");
    assert.deepEqual([vm.ledger.reserved, layout(proc).length, recount(vm)], [reserved, mappings, []]);
  }
});

test("memory without a name is never the same as other memory without one", () => {
  const vm = new Vm({ rules: SEED });
  const caller = vm.spawn({ ruid: 1001 });
  const make = () => vm.pagers.allocate({ type: "swap", size: 4, cred: caller.ruid }, caller);
  assert.notEqual(make(), make());
  assert.equal(vm.ledger.reserved, 8);
});

test("no page at all is in every set", () => {
  for (const runs of [new PageRuns(0, 0), new PageRuns(3, 5)]) assert.equal(runs.covers(9, 9), true);
  assert.equal(new PageRuns(3, 5).covers(9, 10), false);
});

test("counting again tells a total, a uid or a mapping that does not add up", () => {
  const stranger = new VmObject("default", 1, undefined);
  type Spoil = (scene: ReturnType<typeof withFault>) => unknown;
  const broken: readonly (readonly [what: RegExp, spoil: Spoil])[] = [
    [
      /^uid 1001: 11 pages are kept, 10 counted\nswap_reserved: 11 pages are kept, 10 counted$/m,
      ({ vm, proc }) => void vm.ledger.reserve(1, proc.ruid, proc),
    ],
    [/^uid 1001: 11 pages are kept, 10 counted$/m, ({ proc }) => void proc.ruid.vmsize++],
    [/^I5: \[100,110\) is writable and nobody pays/m, ({ entry }) => Object.assign(entry.object!, { cred: undefined })],
    [
      /^I3: \[100,110\) and its object are both charged/m,
      ({ entry, proc }) => Object.assign(entry, { cred: proc.ruid }),
    ],
    [/needs a copy of nothing/, ({ entry }) => Object.assign(entry, { object: undefined, flags: 0xff })],
    [/^an object counts 2 references and has 1$/m, ({ entry }) => void entry.object!.refCount++],
    [/^I6: 10 left with nobody/m, ({ vm }) => vm.procs.clear()],
    [/^uid 1001 counts -1$/m, ({ proc }) => Object.assign(proc.ruid, { vmsize: -1 })],
    [/^\[100,110\) is linked to the wrong neighbour$/m, ({ entry }) => Object.assign(entry, { previous: entry })],
    [/^\[100,100\) is empty or overlaps$/m, ({ entry }) => Object.assign(entry, { end: 100 })],
    [/^\[120,130\) is empty or overlaps$/m, ({ entry }) => Object.assign(entry, { end: 121 })],
    [/^\[95,110\) is not found$/m, ({ entry }) => Object.assign(entry, { start: 95 })],
    [/^a map counts 2 entries and has 1$/m, ({ entry }) => Object.assign(entry, { next: undefined })],
    [/^an object counts 1 shadows, lists 0, has 0$/m, ({ entry }) => Object.assign(entry.object!, { shadowCount: 1 })],
    [
      /^an object counts 0 shadows, lists 1, has 0$/m,
      ({ entry }) => Object.assign(entry.object!, { shadowHead: stranger }),
    ],
    [
      /^an object counts 1 shadows, lists 1, has 0$/m,
      ({ entry }) => Object.assign(entry.object!, { shadowHead: stranger, shadowCount: 1 }),
    ],
    [/^a dead object is still referred to$/m, ({ entry }) => Object.assign(entry.object!, { type: "dead" })],
  ];
  assert.deepEqual(recount(withFault().vm), []);
  for (const [what, spoil] of broken) {
    const spoilt = withFault();
    spoil(spoilt);
    assert.match(recount(spoilt.vm).join("\n"), what);
  }
});

/** The scene once its memory has an object. */
function withFault() {
  const { vm, proc } = scene(FREEBSD);
  vm.fault(proc, 100, "write");
  return { vm, proc, entry: proc.vmspace.map.lookup(100)! };
}
