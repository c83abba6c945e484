import { MAP_ENTRY_USER_WIRED, type VmMapEntry } from "./entry.ts";
import { vmFault } from "./fault.ts";
import type { VmMap } from "./map.ts";
import type { VmObject } from "./object.ts";
import type { VmObjects } from "./objects.ts";
import type { Proc } from "./proc.ts";
import type { KernReturn } from "./vocabulary.ts";

/**
 * vm_map_wire for a user: mlock(2). Clips and faults in; no charge of its own. INVALID_ADDRESS: part of the range is
 * not mapped, or may not be read. RESOURCE_SHORTAGE: a copy that would have to be paid for; what was wired is let go.
 */
export function vmMapWire(map: VmMap, start: number, end: number, td: Proc): KernReturn {
  if (!isMapped(map, start, end)) return "INVALID_ADDRESS";
  for (const entry of map.clipped(start, end)) {
    if (entry.wired) continue;
    entry.flags |= MAP_ENTRY_USER_WIRED;
    const result = faultIn(map, entry, td);
    if (result !== "OK") {
      vmMapUnwire(map, start, entry.end);
      return result;
    }
  }
  simplifyRange(map, start, end);
  return "OK";
}

/** vm_map_unwire for a user: munlock(2). */
export function vmMapUnwire(map: VmMap, start: number, end: number): KernReturn {
  for (const entry of map.clipped(start, end)) {
    entry.flags &= ~MAP_ENTRY_USER_WIRED;
  }
  simplifyRange(map, start, end);
  return "OK";
}

function faultIn(map: VmMap, entry: VmMapEntry, td: Proc): KernReturn {
  for (let page = entry.start; page < entry.end; page++) {
    const result = vmFault(map, page, "read", td);
    if (result !== "OK") return result === "PROTECTION_FAILURE" ? "INVALID_ADDRESS" : result;
    if (entry.object!.backing) continue;
    // No object behind this one could have a page of its own, so the rest of the range is brought in at once.
    entry.object!.addPages(entry.offset, entry.offset + entry.length);
    break;
  }
  return "OK";
}

function isMapped(map: VmMap, start: number, end: number): boolean {
  let at = start;
  for (let entry = map.lookup(start); entry && entry.start <= at && at < end; entry = entry.next) at = entry.end;
  return at >= end;
}

function simplifyRange(map: VmMap, start: number, end: number): void {
  for (let entry = map.from(start); entry && entry.start < end; entry = entry.next) map.simplify(entry);
}

/** vm_fault_copy_entry: a new object with every page of the entry in it. */
export function copyObject(entry: VmMapEntry, objects: VmObjects): VmObject {
  const copy = objects.allocate("default", entry.length);
  copy.addPages(0, entry.length);
  return copy;
}
