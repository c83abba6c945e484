import { PAGE_SIZE } from "../../src/core/base/size.ts";
import { UNLIMITED } from "../../src/core/charges/unlimited.ts";
import { ANONYMOUS, FILE, SEGMENT } from "../../src/core/grants/shared-objects.ts";
import {
  type Ids,
  type Image,
  type MemoryFile,
  NOT_YET,
  type Progress,
  type Segment,
  type Targets,
  type Vma,
} from "../../src/core/space/ports.ts";
import type { TrappedCall } from "../../src/core/trap/notification.ts";
import type { Operation } from "../../src/core/trap/operation.ts";
import type { VmMapEntry } from "../../src/core/vm/entry.ts";
import type { VmObject } from "../../src/core/vm/object.ts";
import type { Proc } from "../../src/core/vm/proc.ts";
import { SEED } from "../../src/core/vm/rules/seed.ts";
import type { SysvSegment } from "../../src/core/vm/sysv-shm.ts";
import { Vm } from "../../src/core/vm/vm.ts";
import { firstFree, isShared, priceOf } from "./vm-prices.ts";

/** Where a program's parts lie: page numbers. */
const DATA_START = 10;
const DATA_PAGES = 3;
export const HEAP_START = 100;
const STACK_TOP = 5000;
const STACK_MOST = 64;
const STACK_FIRST = 2;
/** Where mappings without a fixed place go. */
export const MAPPINGS = 10_000;
/** What exec brings, asked by nobody. */
export const IMAGE_PAGES: number = DATA_PAGES + STACK_FIRST;

/** A process on paper: the model's, and what else /proc tells of it. */
export interface PaperProcess {
  readonly pid: number;
  ppid: number;
  layout: string;
  readonly proc: Proc;
  readonly tids: Set<number>;
  /** The thread that waits in vfork until this process has ended, or is another program. */
  waiter: number | undefined;
  /** It has become another user in memory that others have as well, and has not executed another program since. */
  isOutgrown: boolean;
  /** Pages of its stack that nobody was asked for, and that a child gets too. */
  unseen: number;
}

interface PaperSegment {
  readonly id: number;
  readonly key: number;
  readonly creator: number;
  readonly segment: SysvSegment;
}

interface PaperFile {
  readonly key: string;
  readonly owner: number;
  readonly object: VmObject;
  /** Processes that have it open; with the last of them it goes. */
  readonly holders: Set<number>;
}

/** A call that was let go and has not been carried out. */
export interface PendingCall {
  readonly operation: Operation;
  readonly process: PaperProcess;
  /** What the model charges for it, and to whom: told when it was let go. */
  readonly price: number;
  readonly payer: number;
  /** The daemon that has let it go was killed before it happened. */
  isForgotten?: true;
}

const NUMBERS: Partial<Record<Operation["kind"], number>> = { map: 9, brk: 12, fork: 57, vfork: 58, exec: 59 };

/**
 * The machine of accounting tests: `Vm` under the seed rules is its kernel. A call that was let go is carried out when the test
 * says so, and not before; nothing is refused by the model itself, which only counts.
 */
export class VmTargets implements Targets {
  readonly vm: Vm = new Vm({ rules: SEED, stackGrowPages: STACK_FIRST });
  readonly processes = new Map<number, PaperProcess>();
  /** By thread, what has been let go and has not happened. */
  readonly pending = new Map<number, PendingCall>();
  /** Threads that wait for an answer, and the number of the call that they wait in. */
  readonly #asking = new Map<number, number>();
  /** Threads whose last call has happened, though nothing shows it yet: they run on without a fault. */
  readonly blurred = new Set<number>();
  /** Pages that nobody was asked for since {@link forgetUnasked}, by who pays: what exec and stacks bring, what a move makes another's. */
  readonly unasked = new Map<number, number>();
  /** By image: that of the program that has executed it. */
  readonly origins = new Map<string, string>();
  /** A call has added more than was to be told of it when it was let go. */
  overtaken = false;
  /** Processes whose real uid has changed and that have not called since. */
  readonly changedUid = new Set<number>();
  /** Where maps are read elsewhere: those that have been read for the decision that is being made. */
  read: Set<number> | undefined;
  readonly #segments: PaperSegment[] = [];
  readonly #files: PaperFile[] = [];
  readonly #objectNames = new Map<VmObject, string>();
  #next = 100;

  /** A process with an empty address space. */
  spawn(uid: number, rlimitSwap: number = UNLIMITED): PaperProcess {
    return this.#admit(this.vm.spawn({ ruid: uid, rlimitSwap }), 1, `image ${this.#next}`);
  }

  #admit(proc: Proc, ppid: number, layout: string): PaperProcess {
    const pid = this.#next++;
    const process = { pid, ppid, layout, proc, tids: new Set([pid]), waiter: undefined, isOutgrown: false, unseen: 0 };
    if (proc.vmspace.dataStart === 0) proc.vmspace.dataStart = HEAP_START;
    this.processes.set(pid, process);
    return process;
  }

  /** Another thread of a process: its id. */
  addThread(pid: number): number {
    const tid = this.#next++;
    this.processes.get(pid)!.tids.add(tid);
    return tid;
  }

  processOf(tid: number): PaperProcess | undefined {
    const leads = this.processes.get(tid);
    if (leads) return leads;
    for (const process of this.processes.values()) if (process.tids.has(tid)) return process;
    return undefined;
  }

  /** `tid` calls, and waits for an answer. */
  call(tid: number, operation: Operation): TrappedCall {
    const number = NUMBERS[operation.kind] ?? 0;
    this.#asking.set(tid, number);
    return { tid, number, name: operation.kind, operation };
  }

  /** The call of `tid` was let go. */
  continued(tid: number, operation: Operation): void {
    const process = this.processOf(tid)!;
    this.blurred.delete(tid);
    this.#asking.delete(tid);
    this.pending.set(tid, { operation, process, price: this.price(tid, operation), payer: process.proc.ruid.uid });
  }

  /** Pages that the model charges for a call. */
  price(tid: number, operation: Operation): number {
    const { pid, proc } = this.processOf(tid)!;
    switch (operation.kind) {
      case "segment":
        return this.#segmentOf(operation.key) ? 0 : operation.pages;
      case "resize": {
        const file = this.#file(pid, operation.fd);
        return file ? Math.max(0, operation.pages - file.object.size) : 0;
      }
      default:
        return priceOf(operation, proc);
    }
  }

  #segmentOf(key: number): PaperSegment | undefined {
    return key === 0 ? undefined : this.#segments.find((each) => each.key === key && !each.segment.removed);
  }

  /** Whether a thread waits in vfork, for a child that has its memory still. */
  isWaiting(tid: number): boolean {
    const pid = this.processOf(tid)!.pid;
    return [...this.processes.values()].some((child) => child.waiter === tid && this.sharesMemory(pid, child.pid));
  }

  /** The pending call of `tid` is carried out; `blurred`: nobody can see that yet. Returns the child of a fork. */
  happen(tid: number, blurred = false): PaperProcess | undefined {
    const call = this.pending.get(tid);
    this.pending.delete(tid);
    if (!call || this.processes.get(call.process.pid) !== call.process) return undefined;
    if (blurred) this.blurred.add(tid);
    const { kind } = call.operation;
    if (kind === "fork" || kind === "protect" || kind === "remap") {
      // Another thread has mapped more meanwhile.
      const more = Math.max(0, this.price(tid, call.operation) - call.price);
      this.#unask(call.payer, more);
      if (more > 0) this.overtaken = true;
    }
    if (call.isForgotten) {
      const pages = Math.max(call.price, this.price(tid, call.operation));
      this.#unask(call.process.proc.ruid.uid, pages);
      // A child would get that, too.
      for (const each of this.processes.values())
        if (this.sharesMemory(each.pid, call.process.pid)) each.unseen += pages;
      this.overtaken = true;
    }
    const child = this.#carryOut(call.operation, call.process);
    if (child && call.operation.kind === "vfork" && call.operation.waits) child.waiter = tid;
    return child;
  }

  happenAll(): void {
    for (const tid of [...this.pending.keys()]) this.happen(tid);
  }

  #carryOut(operation: Operation, process: PaperProcess): PaperProcess | undefined {
    const { vm } = this;
    const { pid, ppid, proc, layout } = process;
    const { map } = proc.vmspace;
    switch (operation.kind) {
      case "map": {
        const { pages, start = firstFree(map, MAPPINGS, pages) } = operation;
        vm.mmap(proc, { start, pages, prot: 3, fixed: operation.start !== undefined });
        return undefined;
      }
      case "share":
        vm.mmap(proc, {
          start: firstFree(map, MAPPINGS, operation.pages),
          pages: operation.pages,
          prot: 3,
          shared: true,
        });
        return undefined;
      case "brk":
        vm.obreak(proc, operation.end);
        return undefined;
      case "protect":
        vm.mprotect(proc, operation.start, operation.start + operation.pages, 3);
        return undefined;
      case "remap":
        this.#remap(proc, operation);
        return undefined;
      case "fork":
        return this.#fork(process, operation.isSibling ? ppid : pid);
      case "vfork":
        return this.#admit(vm.rforkMem(proc), pid, layout);
      case "exec":
        this.#exec(process);
        return undefined;
      case "segment": {
        if (this.#segmentOf(operation.key)) return undefined;
        const segment = vm.shmget(proc, operation.pages)!;
        this.#segments.push({ id: this.#next++, key: operation.key, creator: pid, segment });
        return undefined;
      }
      case "resize": {
        const file = this.#file(pid, operation.fd);
        if (!file) return undefined;
        // Whoever first makes it have any memory pays for it.
        if (file.object.size === 0) file.object.cred = proc.ruid;
        vm.resize(proc, file.object, operation.pages);
        return undefined;
      }
      case "setuid":
      case "handler":
      case "trace":
        return undefined;
    }
  }

  #remap(proc: Proc, { start, oldPages, newPages, keepsOld }: Extract<Operation, { readonly kind: "remap" }>): void {
    const { map } = proc.vmspace;
    const payer = proc.ruid.uid;
    const before = proc.ruid.vmsize;
    const price = priceOf({ kind: "remap", start, oldPages, newPages, keepsOld }, proc);
    const request = { start, oldPages, newPages, keepsOld };
    if (keepsOld || newPages > oldPages) {
      const done = keepsOld ? "NO_SPACE" : this.vm.mremap(proc, request);
      if (done === "NO_SPACE") this.vm.mremap(proc, { ...request, to: firstFree(map, MAPPINGS, newPages) });
    } else this.vm.mremap(proc, request);
    // What another has paid for becomes the mover's.
    this.#unask(payer, Math.max(0, proc.ruid.vmsize - before - price));
  }

  #fork(parent: PaperProcess, ppid: number): PaperProcess {
    const child = this.vm.fork(parent.proc);
    if (typeof child === "string") throw new Error(`the model refuses a fork: ${child}`);
    const process = this.#admit(child, ppid, parent.layout);
    process.unseen = parent.unseen;
    this.#unask(parent.proc.ruid.uid, parent.unseen);
    for (const { holders } of this.#files) if (holders.has(parent.pid)) holders.add(process.pid);
    return process;
  }

  #exec(process: PaperProcess): void {
    const { proc } = process;
    this.vm.execBegin(proc);
    proc.vmspace.dataStart = HEAP_START;
    this.vm.mmap(proc, { start: DATA_START, pages: DATA_PAGES, prot: 3 });
    this.vm.stackCreate(proc, STACK_TOP, STACK_MOST);
    process.isOutgrown = false;
    const before = process.layout;
    process.layout = `image ${this.#next++}`;
    this.origins.set(process.layout, before);
    for (const tid of process.tids) {
      if (tid !== process.pid) this.#endThread(tid);
      this.pending.delete(tid);
    }
    process.tids.clear();
    process.tids.add(process.pid);
    this.#unask(proc.ruid.uid, IMAGE_PAGES);
  }

  #endThread(tid: number): void {
    this.pending.delete(tid);
    this.blurred.delete(tid);
  }

  #unask(uid: number, pages: number): void {
    this.unasked.set(uid, (this.unasked.get(uid) ?? 0) + pages);
  }

  /** Everything that is there has been looked at. */
  forgetUnasked(): void {
    this.unasked.clear();
    for (const process of this.processes.values()) process.unseen = 0;
  }

  /** The real uid changes: at once, and told by nothing but {@link ids}. */
  setuid(pid: number, uid: number): void {
    const process = this.processes.get(pid)!;
    process.isOutgrown ||= uid !== process.proc.ruid.uid && this.isShared(pid);
    this.vm.setuid(process.proc, uid);
    this.changedUid.add(pid);
  }

  /** The stack grows by a page, where it has not reached its end. */
  growStack(pid: number): void {
    const process = this.processes.get(pid)!;
    const { proc } = process;
    const lowest = [...proc.vmspace.map.entries].find(({ growsDown }) => growsDown);
    const before = proc.ruid.vmsize;
    if (lowest) this.vm.stackGrow(proc, lowest.start - 1);
    process.unseen += proc.ruid.vmsize - before;
    this.#unask(proc.ruid.uid, proc.ruid.vmsize - before);
  }

  /** A memory file, empty, open in one process: its descriptor. */
  openFile(pid: number): number {
    const { proc } = this.processes.get(pid)!;
    const object = this.vm.shmOpen(proc)!;
    const key = `${FILE}${this.#next++}`;
    this.#files.push({ key, owner: proc.ruid.uid, object, holders: new Set([pid]) });
    return this.#files.length - 1;
  }

  #file(pid: number, fd: number): PaperFile | undefined {
    const file = this.#files[fd];
    return file?.holders.has(pid) ? file : undefined;
  }

  /** The descriptors of memory files that a process has. */
  descriptors(pid: number): readonly number[] {
    return this.#files.flatMap(({ holders }, fd) => (holders.has(pid) ? [fd] : []));
  }

  /** What the pending call of `tid` adds to what others add that make the same larger. */
  priceBeside(tid: number): number {
    const call = this.pending.get(tid)!;
    const grown = this.grownBy(call);
    if (grown === undefined) return call.price;
    const others = [...this.pending].filter(([other, each]) => other !== tid && this.grownBy(each) === grown);
    return Math.max(0, call.price - Math.max(0, ...others.map(([, { price }]) => price)));
  }

  /** What a call makes larger: the data segment of an address space, or a memory file. */
  grownBy({ operation, process }: PendingCall): unknown {
    if (operation.kind === "brk") return process.proc.vmspace;
    return operation.kind === "resize" ? this.#file(process.pid, operation.fd) : undefined;
  }

  #close(file: PaperFile, pid: number): void {
    if (file.holders.delete(pid) && file.holders.size === 0) this.vm.closeHandle(file.object);
  }

  /** Attaches the segment of that place in the list, which nobody is asked for. */
  attach(pid: number, which: number): void {
    const { proc } = this.processes.get(pid)!;
    const there = this.#segments.filter(({ segment }) => !segment.removed);
    const found = there[which % Math.max(1, there.length)];
    if (found) this.vm.shmat(proc, found.segment, firstFree(proc.vmspace.map, MAPPINGS, found.segment.pages));
  }

  removeSegment(which: number): void {
    const there = this.#segments.filter(({ segment }) => !segment.removed);
    const found = there[which % Math.max(1, there.length)];
    if (found) this.vm.shmRemove(found.segment);
  }

  /**
   * A process ends, with its threads; its children are init's. A fixed mapping in memory that others have as well has happened: nobody
   * could tell.
   */
  exit(pid: number): void {
    const process = this.processes.get(pid)!;
    for (const tid of process.tids) {
      const operation = this.pending.get(tid)?.operation;
      if (operation?.kind === "map" && operation.start !== undefined && this.isShared(pid)) this.happen(tid);
    }
    for (const tid of process.tids) this.#endThread(tid);
    for (const file of this.#files) this.#close(file, pid);
    this.vm.exit(process.proc);
    this.processes.delete(pid);
    for (const child of this.processes.values()) if (child.ppid === pid) child.ppid = 1;
  }

  /** Whether [start, end) contains the last page of the data segment: what the program does there cannot be told from what a failed brk leaves. */
  endsHeap(pid: number, start: number, end: number): boolean {
    const { dataStart, dataSize } = this.processes.get(pid)!.proc.vmspace;
    const last = dataStart + dataSize - 1;
    return dataSize > 0 && start <= last && end > last;
  }

  entries(pid: number): readonly VmMapEntry[] {
    return [...(this.processes.get(pid)?.proc.vmspace.map.entries ?? [])];
  }

  /** Pages of the private memory that a process has reserved. */
  reserved(pid: number): number {
    return (this.map(pid) ?? []).reduce((sum, vma) => sum + (vma.accounted ? vma.end - vma.start : 0), 0);
  }

  /** What the model charges to a uid. */
  ofUid(uid: number): number {
    return this.vm.uids.find(uid).vmsize;
  }

  image(pid: number): Image | undefined {
    const process = this.processes.get(pid);
    if (!process) return undefined;
    const { ppid, layout, proc } = process;
    return { startTicks: pid, ppid, layout, isHidden: false, startBrk: proc.vmspace.dataStart * PAGE_SIZE };
  }

  /** Processes are numbered as they begin. */
  nowTicks(): number {
    return Math.max(...this.processes.keys());
  }

  map(pid: number): readonly Vma[] | undefined {
    const space = this.processes.get(pid)?.proc.vmspace;
    if (!space) return undefined;
    if (this.read && !this.read.has(pid)) {
      this.read.add(pid);
      throw NOT_YET;
    }
    const heapEnd = space.dataStart + space.dataSize;
    return [...space.map.entries].map((entry) => {
      const { start, end, object } = entry;
      const shared = isShared(entry);
      return {
        ...{ start, end, named: false, hidden: false },
        accounted: !shared && entry.charged,
        accountable: !shared && !entry.noReserve,
        dontCopy: entry.inherit === "none",
        stack: start >= STACK_TOP - STACK_MOST && end <= STACK_TOP,
        heap: start < heapEnd && end > space.dataStart,
        object: shared ? this.#nameOf(object!) : undefined,
        objectPages: entry.offset + entry.length,
      };
    });
  }

  #nameOf(object: VmObject): string {
    const segment = this.#segments.find((each) => each.segment.object === object);
    if (segment) return SEGMENT + segment.id;
    let name = this.#objectNames.get(object);
    if (name === undefined) {
      name = `${ANONYMOUS}${this.#next++}`;
      this.#objectNames.set(object, name);
    }
    return name;
  }

  size(pid: number): { total: number; data: number } | undefined {
    if (!this.processes.has(pid)) return undefined;
    let total = 0;
    let data = 0;
    for (const entry of this.entries(pid)) {
      total += entry.length;
      if (!isShared(entry) && (entry.prot & 2) !== 0) data += entry.length;
    }
    return { total, data };
  }

  ids(tid: number): Ids | undefined {
    const process = this.processOf(tid);
    return process && { pid: process.pid, ruid: process.proc.ruid.uid, euid: process.proc.euid, filtered: true };
  }

  isProcess(tid: number): boolean {
    return this.processes.has(tid);
  }

  hasThread(pid: number, tid: number): boolean {
    return this.processes.get(pid)?.tids.has(tid) ?? false;
  }

  progress(pid: number, tid: number): Progress | undefined {
    if (!this.hasThread(pid, tid)) return undefined;
    const running = this.pending.has(tid) || this.blurred.has(tid);
    return { running, call: running ? undefined : this.#asking.get(tid), cpuTime: 0, faults: 0 };
  }

  children(pid: number): readonly number[] {
    return [...this.processes.values()].filter(({ ppid }) => ppid === pid).map((each) => each.pid);
  }

  pids(): readonly number[] {
    return [...this.processes.keys()];
  }

  hasLeft(lender: number, _tid: number, pid: number): boolean {
    return this.processes.has(pid) && this.processes.has(lender) && !this.sharesMemory(lender, pid);
  }

  sharesMemory(pid: number, other: number): boolean {
    const space = this.processes.get(pid)?.proc.vmspace;
    return space !== undefined && space === this.processes.get(other)?.proc.vmspace;
  }

  /** Whether another process has the memory of this one. */
  isShared(pid: number): boolean {
    return [...this.processes.keys()].some((other) => other !== pid && this.sharesMemory(pid, other));
  }

  isZero(): boolean {
    return false;
  }

  memoryFile(pid: number, fd: number): MemoryFile | undefined {
    const file = this.#file(pid, fd);
    return file && { key: file.key, owner: file.owner, pages: file.object.size };
  }

  memoryFiles(pid: number): readonly MemoryFile[] {
    return this.descriptors(pid).map((fd) => this.memoryFile(pid, fd)!);
  }

  /** One that is removed is there until nobody is attached. */
  segments(): readonly Segment[] {
    return this.#segments
      .filter(({ segment }) => !segment.removed || segment.attached > 0)
      .map(({ id, key, creator, segment }) => ({ id, key: segment.removed ? 0 : key, creator, pages: segment.pages }));
  }

  namedMemoryFiles(): ReadonlyMap<string, number> {
    return new Map();
  }
}
