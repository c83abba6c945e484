import {
  MAP_ENTRY_BEHAV_RANDOM,
  MAP_ENTRY_BEHAV_SEQUENTIAL,
  MAP_ENTRY_COW,
  MAP_ENTRY_NEEDS_COPY,
  type VmMapEntry,
} from "./entry.ts";
import type { VmMap } from "./map.ts";
import type { Proc } from "./proc.ts";
import type { VmContext } from "./rules/rules.ts";
import { uncharge } from "./take-charges.ts";
import { type Advice, type Inherit, type KernReturn, VM_PROT_WRITE } from "./vocabulary.ts";
import { copyObject } from "./wire.ts";

/**
 * vm_map_protect: docs/semantics.md, "Protect". PROTECTION_FAILURE: an entry may never have this protection; nothing has changed.
 * RESOURCE_SHORTAGE: no protection has changed; whether charges made before the refusal stay depends on the rules.
 */
export function vmMapProtect(map: VmMap, start: number, end: number, prot: number, td: Proc): KernReturn {
  if (start >= end) return "OK";
  const first = map.clippedFrom(start);
  for (let entry = first; entry && entry.start < end; entry = entry.next) {
    if ((prot & ~entry.maxProt) !== 0) return "PROTECTION_FAILURE";
  }
  if (!chargeRange(map, first, end, prot, td)) return "RESOURCE_SHORTAGE";
  for (let entry = first; entry && entry.start < end; entry = entry.next) {
    const gainsWrite = (prot & ~entry.prot & VM_PROT_WRITE) !== 0;
    entry.prot = prot;
    if (gainsWrite && entry.needsCopy && entry.wired) copyWiredEntry(entry, map.vm);
    map.simplify(entry);
  }
  return "OK";
}

function chargeRange(map: VmMap, first: VmMapEntry | undefined, end: number, prot: number, td: Proc): boolean {
  const { rules } = map.vm;
  const charged: VmMapEntry[] = [];
  for (let entry = first; entry && entry.start < end; entry = entry.next) {
    map.clipEnd(entry, end);
    if ((prot & ~entry.prot & VM_PROT_WRITE) === 0 || entry.charged || entry.noReserve) continue;
    if (!rules.chargeWritable(entry, td, map.vm)) {
      if (rules.refusalsUndo) for (const done of charged) uncharge(done, map.vm);
      return false;
    }
    charged.push(entry);
  }
  return true;
}

/** Wired memory that becomes writable is copied at once, since no fault will do it later. The entry's charge moves into the copy. */
function copyWiredEntry(entry: VmMapEntry, { objects }: VmContext): void {
  const source = entry.object!;
  entry.object = copyObject(entry, objects);
  entry.offset = 0;
  entry.flags &= ~(MAP_ENTRY_COW | MAP_ENTRY_NEEDS_COPY);
  objects.takeOver(entry);
  objects.deallocate(source);
}

const BEHAVIOUR = MAP_ENTRY_BEHAV_SEQUENTIAL | MAP_ENTRY_BEHAV_RANDOM;
/** Advice that is stored in entries, so that they are cut at the ends of its range. */
const KEPT: Readonly<Partial<Record<Advice, number>>> = {
  normal: 0,
  sequential: MAP_ENTRY_BEHAV_SEQUENTIAL,
  random: MAP_ENTRY_BEHAV_RANDOM,
};

/** vm_map_madvise. No effect on totals, but a cut entry may no longer give back its head. */
export function vmMapMadvise(map: VmMap, start: number, end: number, advice: Advice): KernReturn {
  const flags = KEPT[advice];
  if (flags === undefined) return "OK";
  for (const entry of map.clipped(start, end)) {
    entry.flags = (entry.flags & ~BEHAVIOUR) | flags;
    map.simplify(entry);
  }
  return "OK";
}

/** vm_map_inherit: minherit(2). No effect on charges until the next fork. */
export function vmMapInherit(map: VmMap, start: number, end: number, inherit: Inherit): KernReturn {
  for (const entry of map.clipped(start, end)) {
    entry.inherit = inherit;
    map.simplify(entry);
  }
  return "OK";
}
