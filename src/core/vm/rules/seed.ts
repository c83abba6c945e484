import { VM_PROT_WRITE } from "../vocabulary.ts";
import type { VmRules } from "./rules.ts";

/**
 * The commit message of r194766 read literally: an entry pays until its memory has an object, fork moves the charge back,
 * and cutting an entry cuts what it holds. Private memory costs its length, no more, until it is unmapped; that is what
 * Linux counts as accountable.
 */
export const SEED: VmRules = {
  name: "seed",
  refusalsUndo: true,
  sharedAnonymousObject: true,
  noReserveIsFree: true,
  remaps: true,
  mapStackGrows: false,
  chargesUnpaidWrite: false,
  copiesWired: false,
  splitsShared: true,
  execArgPages: 0,

  stackGrowth: (distance) => distance,

  beforeClip(entry, vm) {
    if (entry.paidByOwnObject) vm.objects.handBack(entry);
  },

  /** Joins only what is alike: the same payer, the same protection, and an object that nothing else uses. */
  coalesce(previous, { pages, prot, maxProt, cred }, _td, { objects }) {
    const { object } = previous;
    const payer = previous.cred ?? object?.cred;
    if (payer !== cred || previous.prot !== prot || previous.maxProt !== maxProt) return false;
    if (previous.inherit !== "copy") return false;
    if (object === undefined) return true;
    const next = previous.offset + previous.length;
    if (!object.divisible || object.refCount !== 1 || !objects.mayExtend(object, next)) return false;
    if (object.cred) object.charge += pages;
    objects.extend(object, next, pages);
    return true;
  },

  /** Charges the range only. An object that several address spaces share is charged as a whole, once. */
  chargeWritable(entry, td, { ledger, objects }) {
    const { object } = entry;
    const whole = object !== undefined && !entry.needsCopy && !object.oneMapping;
    if (object !== undefined && !entry.needsCopy && !object.anonymous) return true;
    if (!ledger.reserve(whole ? object.size : entry.length, td.ruid, td)) return false;
    if (whole) objects.hold(object, td.ruid, object.size);
    else entry.cred = td.ruid;
    return true;
  },

  /** The object's charge moves back to the parent's entry; only that of the child is new. */
  chargeCopy(source, twin, td, vm) {
    if (source.noReserve) return 0;
    const writable = (source.prot & VM_PROT_WRITE) !== 0;
    if (!source.charged && (source.needsCopy || !writable)) return 0;
    const size = source.length;
    twin.cred = td.ruid;
    if (source.needsCopy || source.cred) return size;
    if (source.paidByOwnObject) {
      vm.objects.handBack(source);
      return size;
    }
    // The memory was shared until now: its object keeps its charge, and the parent's private copy is charged in addition.
    source.cred = td.ruid;
    return 2 * size;
  },

  chargesZeroed: (source) => !source.noReserve && (source.charged || (source.prot & VM_PROT_WRITE) !== 0),
};
