import { MAP_ENTRY_COW, MAP_ENTRY_NEEDS_COPY, type VmMapEntry } from "./entry.ts";
import { PRIVATE_COPY, type VmMap } from "./map.ts";
import type { Proc } from "./proc.ts";
import type { VmContext } from "./rules/rules.ts";
import type { KernReturn } from "./vocabulary.ts";

/** A request of mremap(2), in pages. */
export interface RemapRequest {
  readonly start: number;
  readonly oldPages: number;
  readonly newPages: number;
  /** The mapping moves there, where nothing is mapped; without it the mapping stays where it is. */
  readonly to?: number;
  /** MREMAP_DONTUNMAP: the old range stays mapped, empty, and is paid for as before. */
  readonly keepsOld?: boolean;
}

/**
 * Linux's mremap(2), which FreeBSD does not have: growth is charged like new memory, and a mapping that moves is a new mapping, paid
 * for by the real uid of `td`. INVALID_ADDRESS: the old range is not one mapping. NO_SPACE: something is mapped in the new range.
 * RESOURCE_SHORTAGE: refused. INVALID_ARGUMENT: mremap has no such request. A call that fails has changed nothing.
 */
export function vmMapRemap(map: VmMap, request: RemapRequest, td: Proc): KernReturn {
  const { start, oldPages, newPages, to, keepsOld = false } = request;
  if (oldPages <= 0 || newPages <= 0 || (keepsOld && (to === undefined || oldPages !== newPages))) {
    return "INVALID_ARGUMENT";
  }
  const entry = map.lookup(start);
  if (!entry || entry.end < start + oldPages) return "INVALID_ADDRESS";
  if (entry.growsDown || (keepsOld && !isPrivateMemory(entry))) return "INVALID_ARGUMENT";
  const more = Math.max(0, newPages - oldPages);
  if (!isFree(map, request, entry)) return "NO_SPACE";
  // What is mapped shared is paid for by its object, which does not grow.
  const pays = entry.charged && isPrivate(entry);
  const price = pays ? (keepsOld ? newPages : more) : 0;
  if (price > 0 && !map.vm.ledger.reserve(price, td.ruid, td)) return "RESOURCE_SHORTAGE";

  map.remove(start + newPages, start + oldPages);
  const kept = Math.min(oldPages, newPages);
  if (to !== undefined) {
    const [part] = [...map.clipped(start, start + kept)];
    move(map, part!, to, keepsOld, td);
  }
  if (more > 0) grow(map, map.lookup((to ?? start) + kept - 1)!, more, pays, td);
  return "OK";
}

/** Whether the place of the result is free, apart from the old mapping itself. */
function isFree(map: VmMap, { start, oldPages, newPages, to }: RemapRequest, entry: VmMapEntry): boolean {
  if (to !== undefined) return (map.from(to)?.start ?? Number.POSITIVE_INFINITY) >= to + newPages;
  if (newPages <= oldPages) return true;
  return start + oldPages === entry.end && (entry.next?.start ?? Number.POSITIVE_INFINITY) >= start + newPages;
}

/** Not shared memory, nor a file mapped shared. */
const isPrivate = ({ object, cow }: VmMapEntry): boolean =>
  object === undefined || cow || (object.private && object.divisible);

/** Private, and no file behind it. */
const isPrivateMemory = (entry: VmMapEntry): boolean =>
  isPrivate(entry) && (entry.object === undefined || entry.object.bottom.private);

function move(map: VmMap, entry: VmMapEntry, to: number, keepsOld: boolean, td: Proc): void {
  const { vm } = map;
  if (entry.paidByOwnObject) vm.objects.handBack(entry);
  const { length } = entry;
  const moved = keepsOld ? leaveEmpty(entry, td) : entry;
  if (!keepsOld) {
    map.entries.remove(entry);
    payAnew(entry, td, vm);
  }
  moved.start = to;
  moved.end = to + length;
  map.entries.insert(moved);
}

/** The charge of a moved mapping is transferred to the process that moves it. */
function payAnew(entry: VmMapEntry, td: Proc, { ledger }: VmContext): void {
  if (!entry.cred || entry.cred === td.ruid) return;
  ledger.release(entry.length, entry.cred);
  ledger.force(entry.length, td.ruid);
  entry.cred = td.ruid;
}

/** Returns a new entry with the memory of `entry`, which goes on without it; `td` has reserved the length of the one more. */
function leaveEmpty(entry: VmMapEntry, td: Proc): VmMapEntry {
  const moved = entry.copy();
  moved.object = entry.object;
  if (entry.cred) moved.cred = td.ruid;
  // An object that others have too pays for what moves with it.
  else if (entry.charged) entry.cred = td.ruid;
  entry.object = undefined;
  entry.offset = 0;
  entry.flags &= ~(MAP_ENTRY_COW | MAP_ENTRY_NEEDS_COPY);
  return moved;
}

/** More of the same directly behind `entry`: memory of a file goes on in the file, shared memory in its object. */
function grow(map: VmMap, entry: VmMapEntry, pages: number, pays: boolean, td: Proc): void {
  const { end, prot, maxProt, inherit } = entry;
  const charge = pays ? "made" : "none";
  const flags = entry.flags & ~(MAP_ENTRY_COW | MAP_ENTRY_NEEDS_COPY);
  const fresh = { start: end, end: end + pages, prot, maxProt, charge, flags } as const;
  let object = entry.object;
  let offset = entry.offset + entry.length;
  if (isPrivate(entry)) for (; object?.backing; object = object.backing) offset += object.backingOffset;
  if (!object || (isPrivate(entry) && object.private)) map.insert(fresh, td);
  else {
    object.refCount++;
    map.insert({ ...fresh, object, offset, flags: isPrivate(entry) ? flags | PRIVATE_COPY : flags }, td);
  }
  map.lookup(end)!.inherit = inherit;
}
