import type { Credentials, SwapLedger } from "../charges/swap-ledger.ts";
import type { VmObject } from "./object.ts";
import type { VmObjects } from "./objects.ts";
import type { Pagers } from "./pager.ts";
import type { Proc } from "./proc.ts";

/** shm_open(2) of a new object: a holder that holds nothing yet. undefined: ENOMEM, even 0 pages were refused. */
export function shmOpen(td: Proc, pagers: Pagers): VmObject | undefined {
  return pagers.allocateShared({ type: "default", size: 0, cred: td.ruid }, td);
}

/**
 * ftruncate(2) of a shared memory object, and the resizing of a memory disk: the creator pays, the caller's limit
 * counts. False: ENOMEM, nothing changed.
 */
export function resize(
  object: VmObject,
  pages: number,
  by: Credentials,
  ledger: SwapLedger,
  objects: VmObjects,
): boolean {
  const more = pages - object.size;
  if (more > 0 && object.cred) {
    if (!ledger.reserve(more, object.cred, by)) return false;
    object.charge += more;
  }
  if (more < 0) {
    object.removePages(pages, object.size);
    objects.releaseCharge(object, -more);
  }
  object.size = pages;
  return true;
}
