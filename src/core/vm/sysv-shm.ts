import type { VmObject } from "./object.ts";
import type { Pagers } from "./pager.ts";
import type { Proc } from "./proc.ts";
import type { VmSpace } from "./vmspace.ts";
import { type KernReturn, VM_PROT_READ, VM_PROT_WRITE } from "./vocabulary.ts";

/** A System V shared memory segment. Its creator pays for all of it until it is removed and the last process has detached. */
export interface SysvSegment {
  readonly object: VmObject;
  readonly pages: number;
  attached: number;
  removed: boolean;
}

/** Drops the reference that the segment itself holds. */
export type CloseHandle = (object: VmObject) => void;

/** shmget(2). `physical`: kern.ipc.shm_use_phys, which costs no swap. undefined: ENOMEM. */
export function shmget(pages: number, physical: boolean, td: Proc, pagers: Pagers): SysvSegment | undefined {
  const object = pagers.allocateShared({ type: physical ? "phys" : "swap", size: pages, cred: td.ruid }, td);
  return object && { object, pages, attached: 0, removed: false };
}

/** shmat(2), at page `start`. Never charged. INVALID_ARGUMENT: the segment is gone. */
export function shmat(segment: SysvSegment, start: number, td: Proc): KernReturn {
  const { map, attached } = td.vmspace;
  const { object, pages } = segment;
  if (segment.removed && segment.attached === 0) return "INVALID_ARGUMENT";
  object.refCount++;
  const prot = VM_PROT_READ | VM_PROT_WRITE;
  const result = map.insert({ start, end: start + pages, prot, object }, td);
  if (result !== "OK") {
    object.refCount--;
    return result;
  }
  map.lookup(start)!.inherit = "share";
  attached.push({ start, segment });
  segment.attached++;
  return "OK";
}

/** shmdt(2). INVALID_ARGUMENT: nothing is attached at `start`. */
export function shmdt(space: VmSpace, start: number, close: CloseHandle): KernReturn {
  const index = space.attached.findIndex((each) => each.start === start);
  const [found] = index < 0 ? [] : space.attached.splice(index, 1);
  if (!found) return "INVALID_ARGUMENT";
  const { segment } = found;
  space.map.remove(start, start + segment.pages);
  segment.attached--;
  releaseUnused(segment, close);
  return "OK";
}

/** shmctl(IPC_RMID): the segment goes when the last one detaches. INVALID_ARGUMENT: it is removed already. */
export function shmRemove(segment: SysvSegment, close: CloseHandle): KernReturn {
  if (segment.removed) return "INVALID_ARGUMENT";
  segment.removed = true;
  releaseUnused(segment, close);
  return "OK";
}

function releaseUnused(segment: SysvSegment, close: CloseHandle): void {
  if (segment.removed && segment.attached === 0) close(segment.object);
}
