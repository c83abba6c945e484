import { giveObject } from "../fault.ts";
import type { VmRules } from "./rules.ts";

/**
 * What FreeBSD's sources did from r194766 (2009) to 10.2, quirks included: docs/semantics.md, "Accounting". The deviations are
 * those of its "Deviations".
 */
export const FREEBSD: VmRules = {
  name: "freebsd",
  refusalsUndo: false,
  sharedAnonymousObject: false,
  noReserveIsFree: false,
  remaps: false,
  mapStackGrows: true,
  chargesUnpaidWrite: true,
  copiesWired: true,
  splitsShared: false,
  execArgPages: 66,

  stackGrowth: (distance, step) => Math.ceil(distance / step) * step,

  /** docs/semantics.md, "Fault": the object is made even where no charge is held, and takes over that of the entry. */
  beforeClip(entry, vm) {
    if (entry.object === undefined) giveObject(entry, vm);
    else if (!entry.needsCopy) vm.objects.takeOver(entry);
  },

  /** docs/semantics.md, "Insert": what follows a charged object is charged to the object's payer, writable or not. */
  coalesce(previous, { pages, cred }, td, { ledger, objects }) {
    const { object } = previous;
    if (previous.cred !== cred && (object === undefined || object.cred !== cred)) return false;
    if (object === undefined) return true;
    const next = previous.offset + previous.length;
    if (!objects.mayExtend(object, next)) return false;
    if (object.cred) {
      if (cred === undefined && !ledger.reserve(pages, object.cred, td)) return false;
      object.charge += pages;
    }
    objects.extend(object, next, pages);
    return true;
  },

  /** docs/semantics.md, "Protect": an anonymous object is charged as a whole. */
  chargeWritable(entry, td, { ledger, objects }) {
    const { object } = entry;
    if (object === undefined || entry.needsCopy) {
      if (!ledger.reserve(entry.length, td.ruid, td)) return false;
      entry.cred = td.ruid;
      return true;
    }
    if (!object.anonymous) return true;
    if (!ledger.reserve(object.size, td.ruid, td)) return false;
    objects.hold(object, td.ruid, object.size);
    return true;
  },

  /** docs/semantics.md, "Fork": the object keeps its charge, and both entries pay for the copies that they may make. */
  chargeCopy(source, twin, td, { objects }) {
    if (!source.charged) return 0;
    const size = source.length;
    twin.cred = td.ruid;
    if (source.needsCopy) return size;
    objects.takeOver(source);
    source.cred = td.ruid;
    return 2 * size;
  },

  chargesZeroed: () => true,
};
