import { invariant } from "../base/assert.ts";
import { MAP_ENTRY_COW, MAP_ENTRY_NEEDS_COPY, VmMapEntry } from "./entry.ts";
import { EntryList } from "./entry-list.ts";
import { OBJ_ONEMAPPING, type VmObject } from "./object.ts";
import type { Proc } from "./proc.ts";
import type { VmContext } from "./rules/rules.ts";
import { takeCharges } from "./take-charges.ts";
import { type KernReturn, VM_PROT_ALL, VM_PROT_WRITE } from "./vocabulary.ts";

/** The arguments of vm_map_insert. On success the map owns the caller's reference on `object`. */
export interface Insertion {
  readonly start: number;
  readonly end: number;
  readonly prot: number;
  readonly maxProt?: number;
  /** Flags of the new entry; MAP_PRIVATE of an object is {@link PRIVATE_COPY}. */
  readonly flags?: number;
  readonly object?: VmObject;
  readonly offset?: number;
  /** `none`: MAP_ACC_NO_CHARGE or MAP_NOFAULT. `made`: MAP_ACC_CHARGED, the caller has reserved. */
  readonly charge?: "none" | "made";
  /** Whether it may become part of the entry before it: false for stacks. */
  readonly coalesce?: false;
}

export const PRIVATE_COPY: number = MAP_ENTRY_COW | MAP_ENTRY_NEEDS_COPY;

/** vm_map: the entries of one address space; vm_map.c. Operations with rules of their own are in modules beside this one. */
export class VmMap {
  readonly vm: VmContext;
  readonly entries: EntryList = new EntryList();

  constructor(vm: VmContext) {
    this.vm = vm;
  }

  /** vm_map_lookup_entry. */
  lookup(page: number): VmMapEntry | undefined {
    const entry = this.entries.atOrBelow(page);
    return entry && page < entry.end ? entry : undefined;
  }

  /** The first entry that ends above `page`. */
  from(page: number): VmMapEntry | undefined {
    const entry = this.entries.atOrBelow(page);
    if (!entry) return this.entries.first;
    return page < entry.end ? entry : entry.next;
  }

  /** vm_map_insert: docs/semantics.md, "Insert". NO_SPACE, RESOURCE_SHORTAGE: nothing is inserted. */
  insert(insertion: Insertion, td: Proc): KernReturn {
    const { start, end, prot, object, maxProt = VM_PROT_ALL, flags = 0, offset = 0 } = insertion;
    if (start >= end) return "INVALID_ADDRESS";
    const previous = this.entries.atOrBelow(start);
    const next = previous ? previous.next : this.entries.first;
    if ((previous && previous.end > start) || (next && next.start < end)) return "NO_SPACE";

    const pays = insertion.charge === "made" || needsCharge(insertion);
    if (pays && insertion.charge !== "made" && !this.vm.ledger.reserve(end - start, td.ruid, td)) {
      return "RESOURCE_SHORTAGE";
    }
    const entry = new VmMapEntry(start, end, prot, maxProt, flags);
    if (pays) entry.cred = td.ruid;
    if (object) {
      if (object.refCount > 1 || object.shadowCount !== 0) object.clear(OBJ_ONEMAPPING);
      entry.object = object;
      entry.offset = offset;
    } else if (previous && insertion.coalesce !== false && this.#coalesce(previous, entry, td)) return "OK";
    this.entries.insert(entry);
    return "OK";
  }

  /** Makes `entry` part of `previous`, if nothing tells them apart. False: it stays an entry; it may have got the object of `previous`. */
  #coalesce(previous: VmMapEntry, entry: VmMapEntry, td: Proc): boolean {
    const { cred, prot, maxProt, length } = entry;
    if (previous.end !== entry.start || previous.flags !== entry.flags) return false;
    if (!this.vm.rules.coalesce(previous, { pages: length, prot, maxProt, cred }, td, this.vm)) return false;
    if (previous.inherit === "copy" && previous.prot === prot && previous.maxProt === maxProt) {
      previous.end = entry.end;
      this.simplify(previous);
      return true;
    }
    const { object } = previous;
    if (!object) return false;
    object.refCount++;
    entry.object = object;
    entry.offset = previous.offset + previous.length;
    // The object is charged for these pages already.
    if (object.cred && !previous.needsCopy) entry.cred = undefined;
    return false;
  }

  /** vm_map_simplify_entry: joins `entry` with its neighbours where nothing tells them apart. */
  simplify(entry: VmMapEntry): void {
    const { previous } = entry;
    if (previous && mergeable(previous, entry)) {
      this.entries.remove(previous);
      this.entries.lower(entry, previous.start);
      entry.offset = previous.offset;
      if (previous.object) this.vm.objects.deallocate(previous.object);
    }
    const { next } = entry;
    if (next && mergeable(entry, next)) {
      this.entries.remove(next);
      entry.end = next.end;
      if (next.object) this.vm.objects.deallocate(next.object);
    }
  }

  /** The first entry at or above `start`, cut so that it begins there if it reached below. */
  clippedFrom(start: number): VmMapEntry | undefined {
    const entry = this.from(start);
    if (entry && entry.start < start) this.clipStart(entry, start);
    return entry;
  }

  /** vm_map_clip_start: cuts `entry` at `start`. It begins there afterwards; what was before is a new entry in front of it. */
  clipStart(entry: VmMapEntry, start: number): void {
    if (start <= entry.start) return;
    this.simplify(entry);
    this.vm.rules.beforeClip(entry, this.vm);
    const front = this.#halfOf(entry);
    front.end = start;
    if (entry.object) entry.offset += start - entry.start;
    this.entries.remove(entry);
    entry.start = start;
    this.entries.insert(front);
    this.entries.insert(entry);
  }

  /** vm_map_clip_end: cuts `entry` at `end`. It ends there afterwards; what was behind is a new entry after it. */
  clipEnd(entry: VmMapEntry, end: number): void {
    if (end >= entry.end) return;
    this.vm.rules.beforeClip(entry, this.vm);
    const rear = this.#halfOf(entry);
    rear.start = end;
    if (entry.object) rear.offset += end - entry.start;
    entry.end = end;
    this.entries.insert(rear);
  }

  #halfOf(entry: VmMapEntry): VmMapEntry {
    const half = entry.copy();
    half.cred = entry.cred;
    half.object = entry.object;
    if (half.object) half.object.refCount++;
    return half;
  }

  /** The entries of [start, end), one after the other, cut so that none reaches beyond. The loop may change or remove the present entry. */
  *clipped(start: number, end: number): IterableIterator<VmMapEntry> {
    let entry = this.clippedFrom(start);
    while (entry && entry.start < end) {
      this.clipEnd(entry, end);
      yield entry;
      entry = entry.next;
    }
  }

  /** vm_map_remove: unmaps [start, end), which may have holes. */
  remove(start: number, end: number): void {
    this.#drop(this.#delete(start, end));
  }

  /** vm_map_fixed: the new mapping takes the place of what is there. */
  insertFixed(insertion: Insertion, td: Proc): KernReturn {
    const { start, end } = insertion;
    if (start >= end) return "INVALID_ADDRESS";
    if (!this.vm.rules.refusalsUndo) {
      const dropped = this.#delete(start, end);
      const result = this.insert(insertion, td);
      this.#drop(dropped);
      return result;
    }
    const pays = needsCharge(insertion);
    const putBack = takeCharges(this.clipped(start, end), this.vm);
    if (pays && !this.vm.ledger.reserve(end - start, td.ruid, td)) {
      putBack();
      return "RESOURCE_SHORTAGE";
    }
    this.remove(start, end);
    return this.insert(pays ? { ...insertion, charge: "made" } : insertion, td);
  }

  /** vm_map_delete, except that the objects are not dropped: FreeBSD does that when the map is unlocked. */
  #delete(start: number, end: number): VmObject[] {
    const dropped: VmObject[] = [];
    let entry = this.clippedFrom(start);
    while (entry && entry.start < end) {
      this.clipEnd(entry, end);
      const { next } = entry;
      this.#deleteEntry(entry);
      if (entry.object) dropped.push(entry.object);
      entry = next;
    }
    return dropped;
  }

  #drop(objects: readonly VmObject[]): void {
    for (const object of objects) this.vm.objects.deallocate(object);
  }

  /** vm_map_entry_delete: docs/semantics.md, "Unmap". */
  #deleteEntry(entry: VmMapEntry): void {
    const { object, length, offset } = entry;
    this.entries.remove(entry);
    if (entry.cred) this.vm.ledger.release(length, entry.cred);
    if (!object) return;
    invariant(entry.cred === undefined || object.cred === undefined || entry.needsCopy, "I3: entry and object charged");
    if (object.refCount === 1 || !object.divisible) return;
    this.vm.objects.collapse(object);
    object.removePages(offset, offset + length);
    if (offset + length < object.size || offset >= object.size) return;
    this.vm.objects.releaseCharge(object, object.size - offset);
    object.size = offset;
  }
}

/** Whether a mapping is charged when it is made. */
function needsCharge({ prot, object, flags = 0, charge }: Insertion): boolean {
  return (
    charge === undefined &&
    (prot & VM_PROT_WRITE) !== 0 &&
    (object === undefined || (flags & MAP_ENTRY_NEEDS_COPY) !== 0)
  );
}

function mergeable(a: VmMapEntry, b: VmMapEntry): boolean {
  return (
    a.end === b.start &&
    a.object === b.object &&
    (a.object === undefined || a.offset + a.length === b.offset) &&
    a.flags === b.flags &&
    a.prot === b.prot &&
    a.maxProt === b.maxProt &&
    a.inherit === b.inherit &&
    a.cred === b.cred
  );
}
