import { MAP_ENTRY_COW, MAP_ENTRY_NEEDS_COPY, MAP_ENTRY_USER_WIRED, type VmMapEntry } from "./entry.ts";
import type { VmMap } from "./map.ts";
import type { VmObject } from "./object.ts";
import type { Proc } from "./proc.ts";
import type { VmContext } from "./rules/rules.ts";
import { type KernReturn, VM_PROT_EXECUTE, VM_PROT_READ, VM_PROT_WRITE } from "./vocabulary.ts";

/** The kind of access. `override`: a debugger writes where the process itself may not (VM_PROT_OVERRIDE_WRITE). */
export type Access = "read" | "write" | "override";

/**
 * vm_fault: a fault at `page` of a map, caused by `td`, which pays and may be a process without that map (a debugger). INVALID_ADDRESS:
 * nothing is mapped there. PROTECTION_FAILURE: this access is not allowed. RESOURCE_SHORTAGE: the reservation for a write was refused.
 */
export function vmFault(map: VmMap, page: number, access: Access, td: Proc): KernReturn {
  const entry = map.lookup(page);
  if (!entry) return "INVALID_ADDRESS";
  if (!allows(entry, access)) return "PROTECTION_FAILURE";
  // The page of a wired entry is made ready for every access that the entry allows, so that there is no later fault.
  const write = entry.wired ? (entry.prot & VM_PROT_WRITE) !== 0 : access !== "read";
  const result = prepareEntry(entry, write, td, map.vm);
  if (result !== "OK") return result;
  const object = entry.object!;
  object.refCount++;
  bringIn(object, entry.offset + (page - entry.start), write);
  map.vm.objects.deallocate(object);
  return "OK";
}

function allows(entry: VmMapEntry, access: Access): boolean {
  if (access === "override") return (entry.maxProt & VM_PROT_WRITE) !== 0;
  if (access === "read") return (entry.prot & (VM_PROT_READ | VM_PROT_EXECUTE)) !== 0;
  const wiredCow = MAP_ENTRY_USER_WIRED | MAP_ENTRY_COW;
  return (entry.prot & VM_PROT_WRITE) !== 0 && (entry.flags & wiredCow) !== wiredCow;
}

/** vm_map_lookup: what a fault does to the entry and to charges, docs/semantics.md, "Fault". */
export function prepareEntry(entry: VmMapEntry, write: boolean, td: Proc, vm: VmContext): KernReturn {
  if (entry.needsCopy && write) {
    if (!entry.cred && vm.rules.chargesUnpaidWrite) {
      if (!vm.ledger.reserve(entry.length, td.ruid, td)) return "RESOURCE_SHORTAGE";
      entry.cred = td.ruid;
    }
    shadowEntry(entry, vm);
    settleShadow(entry, vm);
  }
  if (!entry.object) giveObject(entry, vm);
  return "OK";
}

/** Makes the object of an entry that has none. The charge of the entry moves into it. */
export function giveObject(entry: VmMapEntry, { objects }: VmContext): void {
  entry.object = objects.allocate("default", entry.length);
  entry.offset = 0;
  objects.takeOver(entry);
}

/** Replaces the object of an entry by a shadow of it, unless nothing else uses that object. Returns the object that the entry has then. */
export function shadowEntry(entry: VmMapEntry, { objects }: VmContext): VmObject {
  const source = entry.object!;
  const object = objects.shadow(source, entry.offset, entry.length);
  entry.object = object;
  if (object !== source) entry.offset = 0;
  entry.flags &= ~MAP_ENTRY_NEEDS_COPY;
  return object;
}

/** The entry held a charge for its copy in advance: moves it into the shadow, or gives it back where no shadow was needed. */
function settleShadow(entry: VmMapEntry, { ledger, objects }: VmContext): void {
  if (entry.cred && entry.object!.cred) {
    ledger.release(entry.length, entry.cred);
    entry.cred = undefined;
  } else objects.takeOver(entry);
}

/** Makes the page exist: for a write in `first` itself, for a read anywhere in its chain. */
function bringIn(first: VmObject, index: number, write: boolean): void {
  let object = first;
  let at = index;
  while (!object.hasPage(at) && object.backing) {
    at += object.backingOffset;
    object = object.backing;
  }
  const filled = object.anonymous && !object.hasPage(at);
  if (!filled) object.addPages(at, at + 1);
  if (filled || write) first.addPages(index, index + 1);
}
