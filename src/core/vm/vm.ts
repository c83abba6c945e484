import { type Console, type Credentials, type SwapConfig, SwapLedger } from "../charges/swap-ledger.ts";
import { UidInfos } from "../charges/uidinfo.ts";
import { UNLIMITED } from "../charges/unlimited.ts";
import { MAP_ENTRY_NORESERVE } from "./entry.ts";
import { type Access, vmFault } from "./fault.ts";
import { forkMap } from "./fork.ts";
import { type Insertion, PRIVATE_COPY, VmMap } from "./map.ts";
import type { VmObject } from "./object.ts";
import { VmObjects } from "./objects.ts";
import { Pagers } from "./pager.ts";
import { resize, shmOpen } from "./posix-shm.ts";
import { Proc } from "./proc.ts";
import { vmMapInherit, vmMapMadvise, vmMapProtect } from "./protect.ts";
import { type RemapRequest, vmMapRemap } from "./remap.ts";
import type { VmContext, VmRules } from "./rules/rules.ts";
import { vmMapGrowStack, vmMapStack } from "./stack.ts";
import { type SysvSegment, shmat, shmdt, shmget, shmRemove } from "./sysv-shm.ts";
import { VmSpace } from "./vmspace.ts";
import { type Advice, type Inherit, type KernReturn, VM_PROT_READ, VM_PROT_WRITE } from "./vocabulary.ts";
import { vmMapUnwire, vmMapWire } from "./wire.ts";

export interface VmOptions extends SwapConfig {
  readonly rules: VmRules;
  /** kern.sgrowsiz, pages; 32 without it. */
  readonly stackGrowPages?: number;
  readonly console?: Console;
}

/** A request of mmap(2), in pages. */
export interface MmapRequest {
  readonly start: number;
  readonly pages: number;
  readonly prot: number;
  readonly maxProt?: number;
  readonly fixed?: boolean;
  /** MAP_SHARED; private without it. */
  readonly shared?: boolean;
  /** What is mapped; anonymous memory without it. */
  readonly object?: VmObject;
  readonly offset?: number;
  /** MAP_NORESERVE of private memory; what it means is up to the rules. */
  readonly noReserve?: boolean;
  /** MAP_STACK: `start` is the lowest address, `pages` the maximum. */
  readonly stack?: boolean;
}

export type NewProc = Partial<Omit<Credentials, "pid">> & { readonly ruid: number };

/**
 * One machine's memory accounting: processes, their maps, the objects behind them and the two totals. Operations are those
 * of FreeBSD's system calls; each either does all it says or tells why not.
 */
export class Vm implements VmContext {
  readonly rules: VmRules;
  readonly ledger: SwapLedger;
  readonly uids: UidInfos = new UidInfos();
  readonly stackGrowPages: number;
  readonly objects: VmObjects;
  readonly pagers: Pagers;
  /** Living processes in order of their making. */
  readonly procs: Set<Proc> = new Set();
  /** References that no map holds: segments, descriptors, disks. */
  readonly handles: Set<VmObject> = new Set();
  #nextPid = 1;

  constructor(options: VmOptions) {
    this.rules = options.rules;
    this.ledger = new SwapLedger(options, options.console);
    this.stackGrowPages = options.stackGrowPages ?? 32;
    this.objects = new VmObjects(this.ledger, (object, type) => {
      this.handles.delete(object);
      this.pagers.forget(object, type);
    });
    this.pagers = new Pagers(this.ledger, this.objects);
  }

  /** A process with an empty address space. */
  spawn({ ruid, euid = ruid, jailed = false, rlimitSwap = UNLIMITED }: NewProc): Proc {
    return this.#admit({ ruid: this.uids.find(ruid), euid, jailed, rlimitSwap }, new VmSpace(new VmMap(this)));
  }

  #admit(like: Omit<Proc, "pid" | "vmspace">, space: VmSpace): Proc {
    const proc = new Proc(this.#nextPid++, like.ruid, like, space);
    this.procs.add(proc);
    return proc;
  }

  mmap(td: Proc, request: MmapRequest): KernReturn {
    const { start, pages, prot, offset = 0, shared = false, stack = false } = request;
    const { map } = td.vmspace;
    if (stack && this.rules.mapStackGrows) {
      return vmMapStack(map, { top: start + pages, maximum: pages, initial: this.stackGrowPages }, td);
    }
    const makesObject = request.object === undefined && shared && this.rules.sharedAnonymousObject;
    const object = makesObject
      ? this.pagers.allocateShared({ type: "swap", size: pages, cred: td.ruid }, td)
      : request.object;
    if (makesObject && !object) return "RESOURCE_SHORTAGE";
    if (request.object) request.object.refCount++;
    const free = request.noReserve === true && !shared && this.rules.noReserveIsFree ? MAP_ENTRY_NORESERVE : 0;
    const insertion: Insertion = {
      start,
      end: start + pages,
      prot,
      ...(request.maxProt === undefined ? {} : { maxProt: request.maxProt }),
      flags: (object && !shared ? PRIVATE_COPY : 0) | free,
      ...(object ? { object, offset } : {}),
      ...(free === 0 ? {} : { charge: "none" }),
    };
    const result = request.fixed ? map.insertFixed(insertion, td) : map.insert(insertion, td);
    if (result !== "OK" && object) this.objects.deallocate(object);
    if (result === "OK" && shared) vmMapInherit(map, start, start + pages, "share");
    return result;
  }

  munmap(td: Proc, start: number, end: number): KernReturn {
    if (start >= end) return "INVALID_ARGUMENT";
    td.vmspace.map.remove(start, end);
    return "OK";
  }

  mprotect(td: Proc, start: number, end: number, prot: number): KernReturn {
    return vmMapProtect(td.vmspace.map, start, end, prot, td);
  }

  /** INVALID_ARGUMENT under rules that have no such call. */
  mremap(td: Proc, request: RemapRequest): KernReturn {
    if (!this.rules.remaps) return "INVALID_ARGUMENT";
    return vmMapRemap(td.vmspace.map, request, td);
  }

  minherit(td: Proc, start: number, end: number, inherit: Inherit): KernReturn {
    return vmMapInherit(td.vmspace.map, start, end, inherit);
  }

  madvise(td: Proc, start: number, end: number, advice: Advice): KernReturn {
    return vmMapMadvise(td.vmspace.map, start, end, advice);
  }

  mlock(td: Proc, start: number, end: number): KernReturn {
    return vmMapWire(td.vmspace.map, start, end, td);
  }

  munlock(td: Proc, start: number, end: number): KernReturn {
    return vmMapUnwire(td.vmspace.map, start, end);
  }

  /** A page fault of `td` in its own memory, which may make a stack grow, or in that of `of`, as a debugger. */
  fault(td: Proc, page: number, access: Access, of: Proc = td): KernReturn {
    const { map } = of.vmspace;
    const result = vmFault(map, page, access, td);
    if (result !== "INVALID_ADDRESS" || of !== td || vmMapGrowStack(map, page, td) !== "OK") return result;
    return vmFault(map, page, access, td);
  }

  /** The stack of a new image. */
  stackCreate(td: Proc, top: number, maximum: number): KernReturn {
    return vmMapStack(td.vmspace.map, { top, maximum, initial: this.stackGrowPages }, td);
  }

  stackGrow(td: Proc, page: number): KernReturn {
    return vmMapGrowStack(td.vmspace.map, page, td);
  }

  /** brk(2), to page `end`. Shrinking is an munmap. */
  obreak(td: Proc, end: number): KernReturn {
    const space = td.vmspace;
    const { dataStart } = space;
    const old = dataStart + space.dataSize;
    if (end < dataStart) return "INVALID_ARGUMENT";
    const grow: Insertion = { start: old, end, prot: VM_PROT_READ | VM_PROT_WRITE };
    const result = end > old ? space.map.insert(grow, td) : "OK";
    if (end < old) space.map.remove(end, old);
    if (result === "OK") space.dataSize = end - dataStart;
    return result;
  }

  /**
   * fork(2). ENOMEM: the sum is refused. `fails`: what stops it after that, as EAGAIN for too many processes. Under the
   * freebsd rules a fork that fails leaves its parent paying for copies it may make.
   */
  fork(td: Proc, fails?: "EAGAIN"): Proc | "ENOMEM" | "EAGAIN" {
    const space = this.#forkSpace(td);
    if (!space) return "ENOMEM";
    if (fails) {
      this.#freeSpace(space);
      return fails;
    }
    return this.#admit(td, space);
  }

  /** vmspace_fork with its reservation; undefined when that is refused. */
  #forkSpace(td: Proc): VmSpace | undefined {
    const old = td.vmspace;
    const { map, charge } = forkMap(old.map, td);
    const space = new VmSpace(map);
    space.dataStart = old.dataStart;
    space.dataSize = old.dataSize;
    for (const attachment of old.attached) {
      space.attached.push(attachment);
      attachment.segment.attached++;
    }
    if (this.ledger.reserve(charge, td.ruid, td)) return space;
    // To free the copy gives back the charges of its entries, so these are made first.
    this.ledger.force(charge, td.ruid);
    this.#freeSpace(space);
    return undefined;
  }

  /** vfork(2), rfork(RFPROC|RFMEM): the address space is shared, nothing is charged. */
  rforkMem(td: Proc): Proc {
    td.vmspace.refCount++;
    return this.#admit(td, td.vmspace);
  }

  /** rfork(0) of a process that shares its address space: vmspace_unshare. ENOMEM: the process goes on sharing it. */
  rforkUnshare(td: Proc): "OK" | "ENOMEM" {
    if (td.vmspace.refCount === 1) return "OK";
    const space = this.#forkSpace(td);
    if (!space) return "ENOMEM";
    this.#freeSpace(td.vmspace);
    td.vmspace = space;
    return "OK";
  }

  /** The point of execve(2) where the old address space is left and the new one is still empty. */
  execBegin(td: Proc): void {
    this.#freeSpace(td.vmspace);
    td.vmspace = new VmSpace(new VmMap(this));
  }

  exit(td: Proc): void {
    this.procs.delete(td);
    this.#freeSpace(td.vmspace);
  }

  /** vmspace_free: the process leaves its address space; the last one detaches the segments and unmaps everything. */
  #freeSpace(space: VmSpace): void {
    if (--space.refCount > 0) return;
    for (const { start } of [...space.attached]) shmdt(space, start, this.closeHandle);
    space.map.remove(0, UNLIMITED);
  }

  /** setuid(2): existing charges keep their payer. */
  setuid(td: Proc, uid: number): void {
    td.ruid = this.uids.find(uid);
    td.euid = uid;
  }

  /** shmget(2). undefined: ENOMEM. */
  shmget(td: Proc, pages: number, physical = false): SysvSegment | undefined {
    const segment = shmget(pages, physical, td, this.pagers);
    if (segment) this.handles.add(segment.object);
    return segment;
  }

  shmat(td: Proc, segment: SysvSegment, start: number): KernReturn {
    return shmat(segment, start, td);
  }

  shmdt(td: Proc, start: number): KernReturn {
    return shmdt(td.vmspace, start, this.closeHandle);
  }

  shmRemove(segment: SysvSegment): KernReturn {
    return shmRemove(segment, this.closeHandle);
  }

  /** shm_open(2) of a new object. undefined: ENOMEM. */
  shmOpen(td: Proc): VmObject | undefined {
    const object = shmOpen(td, this.pagers);
    if (object) this.handles.add(object);
    return object;
  }

  /** A memory disk of md(4), type swap. undefined: ENOMEM. */
  mdCreate(td: Proc, pages: number): VmObject | undefined {
    const disk = this.pagers.allocate({ type: "swap", size: pages, cred: td.ruid }, td);
    if (disk) this.handles.add(disk);
    return disk;
  }

  /** ftruncate(2) of shared memory, mdconfig -r of a disk. False: ENOMEM. */
  resize(td: Proc, object: VmObject, pages: number): boolean {
    return resize(object, pages, td, this.ledger, this.objects);
  }

  /** The last close of unlinked shared memory, or mdconfig -d. */
  readonly closeHandle = (object: VmObject): void => {
    this.handles.delete(object);
    this.objects.deallocate(object);
  };
}
