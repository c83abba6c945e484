import {
  MAP_ENTRY_COW,
  MAP_ENTRY_NEEDS_COPY,
  MAP_ENTRY_NOFAULT,
  MAP_ENTRY_USER_WIRED,
  type VmMapEntry,
} from "./entry.ts";
import { giveObject, shadowEntry } from "./fault.ts";
import { VmMap } from "./map.ts";
import { OBJ_ONEMAPPING } from "./object.ts";
import type { Proc } from "./proc.ts";
import type { VmContext } from "./rules/rules.ts";
import type { Inherit } from "./vocabulary.ts";
import { copyObject } from "./wire.ts";

/** Fills in the child's copy of an entry. Returns the pages to reserve for it, undefined where the child gets no such entry. */
type Heir = (source: VmMapEntry, twin: VmMapEntry, td: Proc, vm: VmContext) => number | undefined;

const HEIRS: Record<Inherit, Heir> = { none: () => undefined, share, copy, zero };

/**
 * vmspace_fork: makes the child's map and adds up the pages that it costs, which the caller reserves: docs/semantics.md, "Fork". The real
 * uid of `td` pays for everything new.
 */
export function forkMap(parent: VmMap, td: Proc): { readonly map: VmMap; readonly charge: number } {
  const map = new VmMap(parent.vm);
  let sum = 0;
  for (let source = parent.entries.first; source; source = source.next) {
    const twin = source.copy();
    twin.flags &= ~MAP_ENTRY_USER_WIRED;
    const charge = HEIRS[source.inherit](source, twin, td, parent.vm);
    if (charge === undefined) continue;
    sum += charge;
    map.entries.append(twin);
  }
  return { map, charge: sum };
}

function share(source: VmMapEntry, twin: VmMapEntry, _td: Proc, vm: VmContext): number {
  if (!source.object) giveObject(source, vm);
  if (vm.rules.splitsShared && !source.needsCopy) ownObject(source, vm);
  let object = source.object!;
  object.refCount++;
  if (source.needsCopy) {
    const shadowed = object;
    object = shadowEntry(source, vm);
    object.refCount++;
    vm.objects.deallocate(shadowed);
  }
  object.clear(OBJ_ONEMAPPING);
  vm.objects.takeOver(source);
  twin.flags = source.flags & ~MAP_ENTRY_USER_WIRED;
  twin.object = object;
  twin.offset = source.offset;
  return 0;
}

/** Other entries of the same map use the entry's object, too: gives the entry its part as an object of its own. */
function ownObject(source: VmMapEntry, { objects }: VmContext): void {
  const object = source.object!;
  if (!object.private || !object.divisible || object.refCount === 1) return;
  source.object = objects.split(object, source.offset, source.length);
  source.offset = 0;
}

function copy(source: VmMapEntry, twin: VmMapEntry, td: Proc, vm: VmContext): number {
  if (!source.object) {
    if (!source.cred) return 0;
    twin.cred = td.ruid;
    return source.length;
  }
  if (source.wired && vm.rules.copiesWired) {
    twin.object = copyObject(source, vm.objects);
    twin.offset = 0;
    vm.objects.hold(twin.object, td.ruid, source.length);
    return source.length;
  }
  vm.objects.collapse(source.object);
  ownObject(source, vm);
  const charge = vm.rules.chargeCopy(source, twin, td, vm);
  const { object } = source;
  object.refCount++;
  object.clear(OBJ_ONEMAPPING);
  source.flags |= MAP_ENTRY_COW | MAP_ENTRY_NEEDS_COPY;
  twin.flags |= MAP_ENTRY_COW | MAP_ENTRY_NEEDS_COPY;
  twin.object = object;
  twin.offset = source.offset;
  return charge;
}

function zero(source: VmMapEntry, twin: VmMapEntry, td: Proc, vm: VmContext): number {
  twin.flags &= ~(MAP_ENTRY_COW | MAP_ENTRY_NEEDS_COPY | MAP_ENTRY_NOFAULT);
  twin.offset = 0;
  if (!vm.rules.chargesZeroed(source)) return 0;
  twin.cred = td.ruid;
  return source.length;
}
