import type { Proc } from "../src/core/vm/proc.ts";
import { FREEBSD } from "../src/core/vm/rules/freebsd.ts";
import type { VmRules } from "../src/core/vm/rules/rules.ts";
import { SEED } from "../src/core/vm/rules/seed.ts";
import { Vm } from "../src/core/vm/vm.ts";
import type { BenchRow } from "./row.ts";

const SIZES = [100, 10_000, 100_000] as const;

/** Where a 64-bit process has its memory: page numbers that are no small integers. */
const BASE = 0x7f00_0000_0;

/** A map of `count` entries of two pages each, four pages apart. */
function filled(vm: Vm, count: number): Proc {
  const proc = vm.spawn({ ruid: 1001 });
  for (let i = 0; i < count; i++) vm.mmap(proc, { start: BASE + i * 4, pages: 2, prot: 3 });
  return proc;
}

/** Nanoseconds one round takes: the best of `times`, after one that does not count. */
function perRound(rounds: number, act: (i: number) => void, times = 5): number {
  let best = Number.POSITIVE_INFINITY;
  for (let time = 0; time <= times; time++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < rounds; i++) act(i);
    const took = Number(process.hrtime.bigint() - start) / rounds;
    if (time > 0) best = Math.min(best, took);
  }
  return best;
}

/** A step through the map that comes everywhere, in no order. */
function somewhere(i: number, count: number): number {
  return BASE + ((i * 7919) % count) * 4;
}

interface Costs {
  readonly triple: number;
  readonly clip: number;
  readonly fork: number;
}

function costs(vm: Vm, count: number): Costs {
  const proc = filled(vm, count);
  const triple = perRound(50_000, (i) => {
    const start = somewhere(i, count) + 2;
    vm.mmap(proc, { start, pages: 1, prot: 5 });
    vm.fault(proc, start, "read");
    vm.munmap(proc, start, start + 1);
  });
  const clip = perRound(50_000, (i) => {
    const start = somewhere(i, count);
    vm.munmap(proc, start, start + 1);
    vm.munmap(proc, start + 1, start + 2);
    vm.mmap(proc, { start, pages: 2, prot: 3 });
  });
  return { triple, clip, fork: forkCost(vm, proc) };
}

/** Nanoseconds of each operation by itself, on maps that are as they were after every batch. */
function singleCosts(vm: Vm, count: number): Readonly<Record<"insert" | "fault" | "clip+delete", number>> {
  const proc = filled(vm, count);
  const batch = Math.min(count, 1000);
  const best = {
    insert: Number.POSITIVE_INFINITY,
    fault: Number.POSITIVE_INFINITY,
    "clip+delete": Number.POSITIVE_INFINITY,
  };
  const all = (act: (start: number) => void, name?: keyof typeof best): void => {
    const begun = process.hrtime.bigint();
    for (let i = 0; i < batch; i++) act(somewhere(i, count));
    if (name) best[name] = Math.min(best[name], Number(process.hrtime.bigint() - begun) / batch);
  };
  for (let round = 0; round < 60; round++) {
    all((start) => vm.mmap(proc, { start: start + 2, pages: 1, prot: 5 }), "insert");
    all((start) => vm.fault(proc, start + 2, "read"), "fault");
    all((start) => vm.munmap(proc, start + 2, start + 3));
    all((start) => vm.munmap(proc, start, start + 1), "clip+delete");
    all((start) => vm.munmap(proc, start + 1, start + 2));
    all((start) => vm.mmap(proc, { start, pages: 2, prot: 3 }));
  }
  return best;
}

/** Operations a second, for people: one row an operation and a size. */
function singleRows(rules: VmRules): BenchRow[] {
  return SIZES.flatMap((count) => {
    const vm = new Vm({ rules });
    const fork = forkCost(vm, filled(vm, count));
    return Object.entries({ ...singleCosts(new Vm({ rules }), count), "fork, entries": fork }).map(([name, cost]) => ({
      name: `vm ${rules.name}: ${name}, ${count} entries`,
      value: 1000 / cost,
      unit: "M/s",
      detail: `${cost.toFixed(0)} ns`,
    }));
  });
}

/** Nanoseconds an entry, of the fork alone. */
function forkCost(vm: Vm, proc: Proc): number {
  const { count } = proc.vmspace.map.entries;
  let best = Number.POSITIVE_INFINITY;
  for (let time = 0; time < 8; time++) {
    const start = process.hrtime.bigint();
    const child = vm.fork(proc);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / count);
    if (typeof child === "string") throw new Error(child);
    vm.exit(child);
  }
  return best;
}

function bytesPerEntry(touched: boolean): number {
  const vm = new Vm({ rules: SEED });
  const collect = globalThis.gc;
  if (!collect) throw new Error("the benchmark needs --expose-gc");
  collect();
  const before = process.memoryUsage().heapUsed;
  const proc = filled(vm, 100_000);
  if (touched) for (let i = 0; i < 100_000; i++) vm.fault(proc, BASE + i * 4, "write");
  collect();
  const bytes = (process.memoryUsage().heapUsed - before) / 100_000;
  if (proc.vmspace.map.entries.count !== 100_000) throw new Error("the map is not what was measured");
  return bytes;
}

/** The accounting core by itself: no system calls, so no floor but the targets. */
export function vmBench(): BenchRow[] {
  return [FREEBSD, SEED].flatMap((rules) => {
    const [small, large] = [SIZES[0], SIZES[2]].map((count) => costs(new Vm({ rules }), count)) as [Costs, Costs];
    const perSecond = 1e9 / small.triple;
    const ratio = (what: keyof Costs): BenchRow => ({
      name: `vm ${rules.name}: ${what === "triple" ? "insert+fault+delete" : "clip, delete, insert"} at 10^5 to 10^2 entries`,
      value: large[what] / small[what],
      unit: "x",
      target: "<= 8",
      met: large[what] / small[what] <= 8,
      detail: `${large[what].toFixed(0)} ns : ${small[what].toFixed(0)} ns`,
    });
    return [
      {
        name: `vm ${rules.name}: insert+fault+delete at 10^2 entries`,
        value: perSecond / 1e6,
        unit: "M/s",
        target: ">= 0.5",
        met: perSecond >= 500_000,
        detail: `${small.triple.toFixed(0)} ns`,
      },
      ratio("triple"),
      ratio("clip"),
      {
        name: `vm ${rules.name}: fork of 10^5 entries`,
        value: 1000 / large.fork,
        unit: "M/s",
        target: ">= 2",
        met: 1000 / large.fork >= 2,
        detail: `${large.fork.toFixed(0)} ns an entry`,
      },
      ...singleRows(rules),
    ];
  });
}

export function vmMemoryBench(): BenchRow[] {
  return [false, true].map((touched) => {
    const bytes = bytesPerEntry(touched);
    return {
      name: `vm: memory of an entry${touched ? " with its object and a page" : ""}`,
      value: bytes,
      unit: "B",
      target: "<= 400",
      met: bytes <= 400,
    };
  });
}
