import type { UidInfo } from "../charges/uidinfo.ts";
import type { VmObject } from "./object.ts";
import type { Inherit } from "./vocabulary.ts";

/** eflags of vm_map.h that matter to accounting. Entries merge only when all are equal. */
export const MAP_ENTRY_COW = 1;
/** MAP_ENTRY_NEEDS_COPY: the object has to be shadowed before the first write. */
export const MAP_ENTRY_NEEDS_COPY = 2;
export const MAP_ENTRY_GROWS_DOWN = 4;
export const MAP_ENTRY_USER_WIRED = 8;
/** madvise(2): how the pages will be used. */
export const MAP_ENTRY_BEHAV_SEQUENTIAL = 32;
export const MAP_ENTRY_BEHAV_RANDOM = 64;
/** Made with MAP_NOFAULT: never charged. */
export const MAP_ENTRY_NOFAULT = 16;
/** Linux's VM_NORESERVE, where the rules have it: never charged. */
export const MAP_ENTRY_NORESERVE = 128;

/** struct vm_map_entry: pages [start, end) of one address space. Only this folder writes the fields. */
export class VmMapEntry {
  start: number;
  end: number;
  prot: number;
  maxProt: number;
  flags: number;
  inherit: Inherit = "copy";
  object: VmObject | undefined = undefined;
  /** Where the entry begins in the object: pages. */
  offset = 0;
  /** How far a stack may still grow: pages. */
  availSsize = 0;
  /** The uid that pays for the length of this entry, where the entry itself holds a charge. */
  cred: UidInfo | undefined = undefined;
  /** Neighbours in the map that the entry is in. */
  previous: VmMapEntry | undefined = undefined;
  next: VmMapEntry | undefined = undefined;

  constructor(start: number, end: number, prot: number, maxProt: number, flags: number) {
    this.start = start;
    this.end = end;
    this.prot = prot;
    this.maxProt = maxProt;
    this.flags = flags;
  }

  get length(): number {
    return this.end - this.start;
  }

  get needsCopy(): boolean {
    return (this.flags & MAP_ENTRY_NEEDS_COPY) !== 0;
  }

  get cow(): boolean {
    return (this.flags & MAP_ENTRY_COW) !== 0;
  }

  get wired(): boolean {
    return (this.flags & MAP_ENTRY_USER_WIRED) !== 0;
  }

  get noReserve(): boolean {
    return (this.flags & MAP_ENTRY_NORESERVE) !== 0;
  }

  get growsDown(): boolean {
    return (this.flags & MAP_ENTRY_GROWS_DOWN) !== 0;
  }

  /** ENTRY_CHARGED: the entry or its object holds a charge for this memory (docs/semantics.md, "Holders"). */
  get charged(): boolean {
    return this.cred !== undefined || (!this.needsCopy && this.object?.cred !== undefined);
  }

  /** The object holds the charge and only this entry uses the object, so the entry could hold the charge instead. */
  get paidByOwnObject(): boolean {
    const { object } = this;
    if (object?.cred === undefined || this.needsCopy) return false;
    return object.divisible && object.refCount === 1 && object.charge >= this.length;
  }

  /** A copy of the fields: in no map, without a charge, without a reference on the object. */
  copy(): VmMapEntry {
    const twin = new VmMapEntry(this.start, this.end, this.prot, this.maxProt, this.flags);
    twin.inherit = this.inherit;
    twin.offset = this.offset;
    twin.availSsize = this.availSsize;
    return twin;
  }
}
