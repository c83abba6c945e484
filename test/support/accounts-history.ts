import assert from "node:assert/strict";
import fc from "fast-check";
import { PAGE_SIZE } from "../../src/core/base/size.ts";
import { UNLIMITED } from "../../src/core/charges/unlimited.ts";
import type { Operation } from "../../src/core/trap/operation.ts";
import type { VmMapEntry } from "../../src/core/vm/entry.ts";
import {
  hasForeign,
  isAwaited,
  isBusy,
  isForeign,
  isMovingForeign,
  isResized,
  isUnseen,
  isVforked,
  mayBeTakenFor,
  mayFail,
} from "./accounts-doubts.ts";
import { AccountsWorld, type Fate } from "./accounts-world.ts";
import { firstFree } from "./vm-prices.ts";
import { HEAP_START, MAPPINGS } from "./vm-targets.ts";

const UIDS = [1000, 2000, 0];
const LIMITS = [400, 1000, UNLIMITED];
const MOST_PROCESSES = 7;

/** Numbers that the step of that name makes its arguments of. */
export type Step = readonly [what: string, who: number, a: number, pages: number];

/** Trapped calls: what the program asks for, undefined where it cannot in its situation. */
const CALLS: Record<string, (world: AccountsWorld, pid: number, a: number, pages: number) => Operation | undefined> = {
  map: (_world, _pid, _a, pages) => ({ kind: "map", start: undefined, pages }),
  "map-fixed": (world, pid, a, pages) => {
    const entry = pick(world, pid, a);
    if (!entry || entry.start < MAPPINGS) return undefined;
    return { kind: "map", start: Math.max(MAPPINGS, entry.start + (a % 40) - 20), pages };
  },
  share: (_world, _pid, _a, pages) => ({ kind: "share", fd: undefined, pages }),
  brk: (world, pid, a, pages) => {
    const { dataStart, dataSize } = world.kernel.processes.get(pid)!.proc.vmspace;
    const end = Math.max(dataStart, dataStart + dataSize + (a % 3 === 0 ? -pages : pages));
    if (hasForeign(world, pid, end, MAPPINGS) && isBusy(world, pid)) return undefined;
    return end > 4000 ? undefined : { kind: "brk", end, address: end * PAGE_SIZE };
  },
  protect: (world, pid, a, pages) => {
    const entry = pick(world, pid, a);
    return (
      entry && { kind: "protect", start: entry.start + (a % 3), pages: Math.min(pages, entry.length + 5), grows: false }
    );
  },
  remap: (world, pid, a, pages) => {
    const entry = pick(world, pid, a);
    if (!entry || entry.start < MAPPINGS || isUnseen(world, entry)) return undefined;
    // Where another uid's memory was nobody else's may come to lie at the same time.
    if (isForeign(world, pid, entry) && isBusy(world, pid)) return undefined;
    const { start, length } = entry;
    const oldPages = a % 4 === 0 ? Math.min(length, 1 + (a % 7)) : length;
    const keepsOld = a % 5 === 0;
    return { kind: "remap", start, oldPages, newPages: keepsOld ? oldPages : pages, keepsOld };
  },
  fork: ({ kernel }, _pid, a) => {
    return kernel.processes.size < MOST_PROCESSES ? { kind: "fork", isSibling: a % 6 === 0 } : undefined;
  },
  vfork: ({ kernel }, _pid, a) => {
    return kernel.processes.size < MOST_PROCESSES ? { kind: "vfork", waits: a % 3 !== 0 } : undefined;
  },
  exec: () => ({ kind: "exec" }),
  segment: (_world, _pid, a, pages) => ({ kind: "segment", key: a % 4, pages }),
  resize: ({ kernel }, pid, a, pages) => {
    const fds = kernel.descriptors(pid);
    return fds.length === 0 ? undefined : { kind: "resize", fd: fds[a % fds.length]!, pages };
  },
  setuid: () => ({ kind: "setuid" }),
  handler: () => ({ kind: "handler", action: 0, word: 8 }),
};

/** What may happen when the next daemon is there already: of the others that one has to know what they have made. */
const MAY_BE_LATE = new Set<Operation["kind"]>(["map", "protect", "remap", "exec", "resize"]);

/** What nobody traps, and what happens to processes. */
const EVENTS: Record<string, (world: AccountsWorld, pid: number, a: number, pages: number) => void> = {
  happen: ({ kernel }, pid, a) => {
    for (const tid of kernel.processes.get(pid)!.tids) happen(kernel, tid, a);
  },
  // What the kernel refuses though it was let go.
  fail: (world, pid, a) => {
    const tids = [...world.kernel.processes.get(pid)!.tids];
    const tid = tids[a % tids.length]!;
    if (mayFail(world, tid)) world.kernel.pending.delete(tid);
  },
  cancel: ({ kernel, accounts }, pid) => {
    if (kernel.pending.delete(pid)) accounts.cancelled(pid);
  },
  unmap: (world, pid, a, pages) => {
    const entry = pick(world, pid, a);
    if (!entry) return;
    const { kernel } = world;
    const start = entry.start + (a % 2 === 0 ? 0 : a % entry.length);
    const end = a % 3 === 0 ? entry.end : start + pages;
    // Whoever unmaps the end of its data segment cannot be told from whose last brk failed.
    if (kernel.endsHeap(pid, start, end) || isUnseen(world, entry)) return;
    // Nor can, under way, a mapping that comes to lie where another uid's memory was until a moment ago.
    if (hasForeign(world, pid, start, end) && isBusy(world, pid)) return;
    kernel.vm.munmap(kernel.processes.get(pid)!.proc, start, end);
  },
  "map-unasked": ({ kernel }, pid, a, pages) => {
    const { proc } = kernel.processes.get(pid)!;
    const start = firstFree(proc.vmspace.map, MAPPINGS, pages);
    kernel.vm.mmap(proc, { start, pages, prot: a % 2, noReserve: a % 3 === 0 });
  },
  "protect-less": (world, pid, a, pages) => {
    const entry = pick(world, pid, a);
    const { vm, processes } = world.kernel;
    // Parts of the image are not counted before the first look when they cannot be written.
    if (!entry || entry.start < HEAP_START) return;
    vm.mprotect(processes.get(pid)!.proc, entry.start, entry.start + pages, a % 2);
  },
  "dont-copy": (world, pid, a, pages) => {
    const entry = pick(world, pid, a);
    const { vm, processes } = world.kernel;
    // Nor who keeps it from a child.
    if (!entry || entry.object || world.kernel.endsHeap(pid, entry.start, entry.start + pages)) return;
    vm.minherit(processes.get(pid)!.proc, entry.start, entry.start + pages, "none");
  },
  touch: (world, pid, a) => {
    const entry = pick(world, pid, a);
    const { vm, processes } = world.kernel;
    if (entry) vm.fault(processes.get(pid)!.proc, entry.start, a % 3 === 0 ? "read" : "write");
  },
  // What grows unasked before anybody has seen the new uid is the old one's.
  stack: ({ kernel }, pid) => {
    if (!kernel.changedUid.has(pid)) kernel.growStack(pid);
  },
  open: ({ kernel }, pid) => void kernel.openFile(pid),
  attach: ({ kernel }, pid, a) => kernel.attach(pid, a),
  // A key that is free only when the call is carried out: nobody can tell.
  rmid: ({ kernel }, _pid, a) => {
    if (![...kernel.pending.values()].some(({ operation }) => operation.kind === "segment")) kernel.removeSegment(a);
  },
  thread: ({ kernel }, pid) => {
    const { tids } = kernel.processes.get(pid)!;
    // An exec that is late is missed when another thread calls before.
    if (tids.size < 3 && ![...tids].some((tid) => kernel.pending.get(tid)?.isForgotten)) kernel.addThread(pid);
  },
  exit: (world, pid, a) => {
    if (world.kernel.processes.size === 1 || mayBeTakenFor(world, pid) || isAwaited(world, pid)) return;
    world.exit(pid);
    if (a % 2 === 0) world.tellEnds();
  },
  look: (world) => world.accounts.readAllMaps(),
  rest: (world) => world.checkAtRest(),
  rlimit: ({ kernel, accounts }, pid, a) => {
    const process = accounts.population.find(pid);
    if (!process) return;
    const limit = LIMITS[a % LIMITS.length]!;
    kernel.processes.get(pid)!.proc.rlimitSwap = limit;
    accounts.setLimit(process, { soft: limit, hard: UNLIMITED });
  },
  crash: (world, pid, a, pages) => {
    if (a % 3 === 0 && world.kernel.processes.size > 1) {
      world.kernel.happenAll();
      // Whose memory outlives it now, only the dead daemon knew.
      if (!world.kernel.isShared(pid)) world.exit(pid);
    }
    const fateOf = (tid: number): Fate => {
      const which = (tid + a) % 3;
      if (which === 2 || !mayFail(world, tid)) return "happens";
      if (which === 0) return "fails";
      const { operation, process } = world.kernel.pending.get(tid)!;
      // Another thread that calls meanwhile is taken for the one that has tried to exec.
      const isMissed = operation.kind === "exec" && process.tids.size > 1;
      return MAY_BE_LATE.has(operation.kind) && !isMissed ? "is late" : "happens";
    };
    world.crash(fateOf, a % 2 === 0 ? pages % 20 : undefined);
  },
  // The daemon is killed in the middle of its next decision.
  kill: (world, _pid, a) => {
    world.killAfter = a % 4;
  },
};

function pick({ kernel }: AccountsWorld, pid: number, a: number): VmMapEntry | undefined {
  const entries = kernel.entries(pid);
  return entries[a % Math.max(1, entries.length)];
}

/** What is pending of a thread happens; a change of uid is one that the accounts find by asking. */
function happen(kernel: AccountsWorld["kernel"], tid: number, a: number): void {
  const call = kernel.pending.get(tid);
  if (call?.operation.kind === "setuid") {
    kernel.setuid(call.process.pid, UIDS[a % UIDS.length]!);
    kernel.pending.delete(tid);
  } else kernel.happen(tid, a % 4 === 0);
}

const WEIGHTS: Record<string, number> = {
  ...{
    map: 8,
    "map-fixed": 3,
    share: 2,
    brk: 4,
    protect: 4,
    remap: 4,
    fork: 5,
    vfork: 3,
    exec: 3,
    segment: 2,
    resize: 2,
  },
  ...{ setuid: 3, happen: 22, fail: 1, cancel: 2, unmap: 7, "map-unasked": 3, "protect-less": 2, "dont-copy": 2 },
  ...{
    touch: 4,
    stack: 1,
    open: 2,
    attach: 2,
    rmid: 1,
    thread: 1,
    exit: 4,
    look: 3,
    rest: 1,
    rlimit: 2,
    crash: 2,
    kill: 2,
  },
};

export const STEPS: fc.Arbitrary<Step[]> = fc.array(
  fc.tuple(
    fc.oneof(...Object.entries(WEIGHTS).map(([what, weight]) => ({ weight, arbitrary: fc.constant(what) }))),
    fc.nat(1000),
    fc.nat(1000),
    fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 400 })),
  ),
  { minLength: 40, maxLength: 120, size: "max" },
);

function run(world: AccountsWorld, [what, who, a, pages]: Step): void {
  const { kernel } = world;
  const pids = [...kernel.processes.keys()];
  const pid = pids[who % pids.length]!;
  const process = kernel.processes.get(pid)!;
  const call = CALLS[what];
  if (!call) {
    EVENTS[what]!(world, pid, a, pages);
    return;
  }
  const tids = [...process.tids];
  const tid = tids[who % tids.length]!;
  if (kernel.pending.has(tid) || kernel.isWaiting(tid)) return;
  // Memory that it has borrowed stays its owner's: who has become somebody else there can only exec.
  if (process.isOutgrown && what !== "exec") return;
  // All threads of a program change their uid together, and do nothing else meanwhile.
  const own = [...kernel.pending.values()].filter((each) => each.process.proc.vmspace === process.proc.vmspace);
  if (own.some(({ operation }) => what === "setuid" || operation.kind === "setuid")) return;
  if (what === "setuid") {
    if (kernel.isShared(pid) && !isVforked(world, process)) return;
    for (const each of tids) {
      kernel.blurred.delete(each);
      world.accounts.arrived(each);
    }
  }
  if (isMovingForeign(world, pid)) return;
  const operation = call(world, pid, a, pages);
  if (!operation || isResized(world, pid, operation)) return;
  // A successor takes a fixed mapping over another uid's memory for made.
  if (operation.kind === "map" && operation.start !== undefined) world.killAfter = undefined;
  world.judge(tid, operation);
}

/** Carries out a history from its beginning to rest; throws where the accounts and the model differ. */
export function runHistory(budget: number, steps: readonly Step[], waitsForMaps = false): void {
  const world = new AccountsWorld(budget, waitsForMaps);
  for (const uid of [1000, 1000, 2000, 0]) world.start(uid, { soft: 1000, hard: UNLIMITED });
  for (const step of steps) {
    try {
      run(world, step);
      world.noteLimits();
      world.checkBounds();
    } catch (error) {
      throw new assert.AssertionError({ message: `${step.join(" ")}: ${(error as Error).stack}` });
    }
  }
  world.checkAtRest();
}
