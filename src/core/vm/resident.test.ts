/** Random histories whose every map, line by line, is what counting page by page says: what is mapped, with which rights, and is in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seedFrom } from "../../../test/support/seeded.ts";
import { recount } from "./invariants.ts";
import { mapLines } from "./map-line.ts";
import type { VmObject } from "./object.ts";
import type { Proc } from "./proc.ts";
import { FREEBSD } from "./rules/freebsd.ts";
import type { VmRules } from "./rules/rules.ts";
import { SEED } from "./rules/seed.ts";
import { Vm } from "./vm.ts";
import { protText, VM_PROT_EXECUTE, VM_PROT_READ, VM_PROT_WRITE } from "./vocabulary.ts";

const PAGE_SIZE = 4096;
const SPAN = 30;
const FILE_PAGES = 100;
const PROTS = [0, 1, 3, 3, 3, 5];
const MOST_PROCESSES = 5;

/** Memory that several processes may see: the pages of it that are in memory. */
type Resident = Set<number>;

/** A page of a process. */
interface Page {
  prot: number;
  /** It has been written to, or is memory of the process alone that has been touched. */
  own: boolean;
  /** Of a file or of shared memory: which, and which page of it. */
  readonly of: Resident | undefined;
  readonly index: number;
  readonly shared: boolean;
}

interface Pair {
  readonly proc: Proc;
  readonly pages: Map<number, Page>;
}

type Step = readonly [op: string, who: number, start: number, count: number, c: number];

class Machine {
  readonly vm: Vm;
  readonly #file: VmObject;
  readonly #filePages: Resident = new Set();
  readonly pairs: Pair[] = [];

  constructor(rules: VmRules) {
    this.vm = new Vm({ rules });
    for (const ruid of [1001, 1002]) this.pairs.push({ proc: this.vm.spawn({ ruid }), pages: new Map() });
    const { proc } = this.pairs[0]!;
    this.#file = this.vm.pagers.allocate({ type: "vnode", handle: "/file", size: FILE_PAGES }, proc)!;
    this.vm.objects.deallocate(this.#file);
  }

  run([op, who, start, count, c]: Step): void {
    const pair = this.pairs[who % this.pairs.length]!;
    const { proc, pages } = pair;
    const { vm } = this;
    const end = start + count;
    const prot = PROTS[c % PROTS.length]!;
    switch (op) {
      case "map":
      case "map-file":
      case "map-shared": {
        const shared = op === "map-shared" || (op === "map-file" && c % 4 === 0);
        const fixed = c % 3 === 0;
        const file = op === "map-file" ? { object: this.#file, offset: c } : {};
        if (vm.mmap(proc, { start, pages: count, prot, shared, fixed, ...file }) !== "OK") return;
        const of = op === "map-file" ? this.#filePages : shared ? new Set<number>() : undefined;
        const first = op === "map-file" ? c : 0;
        for (let i = 0; i < count; i++) pages.set(start + i, { prot, own: false, of, index: first + i, shared });
        return;
      }
      case "unmap":
        vm.munmap(proc, start, end);
        for (let page = start; page < end; page++) pages.delete(page);
        return;
      case "protect":
        vm.mprotect(proc, start, end, prot);
        for (let page = start; page < end; page++) Object.assign(pages.get(page) ?? {}, { prot });
        return;
      case "touch":
        for (let page = start; page < end; page++) this.#touch(pair, page, c % 3 !== 0);
        return;
      case "lock":
        this.#lock(pair, start, end);
        return;
      case "unlock":
        vm.munlock(proc, start, end);
        return;
      case "move":
        this.#move(pair, start, count, c);
        return;
      case "fork": {
        if (this.pairs.length >= MOST_PROCESSES) return;
        const child = vm.fork(proc);
        assert.ok(typeof child !== "string");
        this.pairs.push({ proc: child, pages: new Map([...pages].map(([at, page]) => [at, { ...page }])) });
        return;
      }
      case "exit":
        if (this.pairs.length === 1) return;
        this.pairs.splice(who % this.pairs.length, 1);
        vm.exit(proc);
        return;
      default:
        throw new Error(`no step ${op}`);
    }
  }

  #touch({ proc, pages }: Pair, at: number, write: boolean): void {
    const page = pages.get(at);
    // What is read first may come to be in memory that another has a copy of still: nobody could tell here.
    if (page && !write && !page.of && !page.own) return;
    const result = this.vm.fault(proc, at, write ? "write" : "read");
    const needed = write ? VM_PROT_WRITE : VM_PROT_READ | VM_PROT_EXECUTE;
    // A locked copy of what another has too is not written to.
    if (page && write && result === "PROTECTION_FAILURE" && proc.vmspace.map.lookup(at)!.wired) return;
    assert.equal(result, page ? ((page.prot & needed) === 0 ? "PROTECTION_FAILURE" : "OK") : "INVALID_ADDRESS");
    if (!page || result !== "OK") return;
    const writes = write || proc.vmspace.map.lookup(at)!.wired;
    bringIn(page, writes);
  }

  #lock({ proc, pages }: Pair, start: number, end: number): void {
    const range = Array.from({ length: end - start }, (_, i) => pages.get(start + i));
    if (!range.every((page) => page && (page.prot & VM_PROT_WRITE) !== 0)) return;
    assert.equal(this.vm.mlock(proc, start, end), "OK");
    for (const page of range) bringIn(page!, true);
  }

  #move({ proc, pages }: Pair, start: number, count: number, c: number): void {
    const entry = proc.vmspace.map.from(start);
    if (!entry) return;
    const from = entry.start;
    const oldPages = c % 2 === 0 ? entry.length : Math.min(count, entry.length);
    const keepsOld = c % 5 === 0;
    const newPages = keepsOld ? oldPages : count;
    const to = keepsOld || c % 3 !== 0 ? SPAN * 2 + ((start * 7 + c) % SPAN) : undefined;
    const request = { start: from, oldPages, newPages, ...(to === undefined ? {} : { to }), keepsOld };
    if (this.vm.mremap(proc, request) !== "OK") return;
    const old = Array.from({ length: oldPages }, (_, i) => pages.get(from + i)!);
    for (let i = 0; i < oldPages; i++) {
      if (keepsOld) pages.set(from + i, { prot: old[i]!.prot, own: false, of: undefined, index: 0, shared: false });
      else pages.delete(from + i);
    }
    const last = old[oldPages - 1]!;
    for (let i = 0; i < newPages; i++) {
      const more = { ...last, own: false, index: last.index + i + 1 - oldPages };
      pages.set((to ?? from) + i, old[i] ?? more);
    }
  }

  check(after: string): void {
    for (const { proc, pages } of this.pairs) {
      const lines = [...mapLines(proc.vmspace.map, { pageSize: PAGE_SIZE, address: () => 1 })].map((line) =>
        line.split(" "),
      );
      let mapped = 0;
      for (const [start = "", end = "", resident, , , rights] of lines) {
        let count = 0;
        for (let at = Number(start) / PAGE_SIZE; at < Number(end) / PAGE_SIZE; at++) {
          const page = pages.get(at);
          assert.equal(rights, page && protText(page.prot), `rights of ${at} after ${after}`);
          if (page!.own || page!.of?.has(page!.index)) count++;
          mapped++;
        }
        assert.equal(Number(resident), count, `${start} to ${end} after ${after}`);
      }
      assert.equal(mapped, pages.size, after);
    }
    assert.deepEqual(recount(this.vm), [], after);
  }
}

/** A fault that was allowed: what it makes be in memory. */
function bringIn(page: Page, write: boolean): void {
  page.of?.add(page.index);
  if (!page.shared && (write || !page.of)) page.own = true;
}

const OPS = [
  ...["map", "map", "map", "map-file", "map-file", "map-shared", "unmap", "unmap", "protect", "protect"],
  ...["touch", "touch", "touch", "touch", "touch", "touch", "touch", "touch", "lock", "unlock", "move", "move"],
  ...["fork", "fork", "fork", "fork", "exit", "exit", "exit"],
];

const HISTORY: fc.Arbitrary<Step[]> = fc.array(
  fc.tuple(fc.constantFrom(...OPS), fc.nat(7), fc.nat(SPAN), fc.integer({ min: 1, max: 12 }), fc.nat(47)),
  { minLength: 40, maxLength: 100, size: "max" },
);

const RUNS = Number(process.env["LYONNAIS_RUNS"] ?? 400);

for (const rules of [FREEBSD, SEED]) {
  test(`${rules.name}: every line of every map is what counting page by page says`, () => {
    fc.assert(
      fc.property(HISTORY, (history) => {
        const machine = new Machine(rules);
        for (const step of history) {
          machine.run(step);
          machine.check(step.join(" "));
        }
      }),
      { numRuns: RUNS, seed: seedFrom(1) },
    );
  });
}
