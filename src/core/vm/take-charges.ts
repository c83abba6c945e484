import type { VmMapEntry } from "./entry.ts";
import type { VmContext } from "./rules/rules.ts";

/** Gives back what pays for `entry`: its own charge, or all that its object holds. Returns how to take it again. */
export function uncharge(entry: VmMapEntry, { ledger, objects }: VmContext): () => void {
  const { cred, object, length } = entry;
  if (cred) {
    ledger.release(length, cred);
    entry.cred = undefined;
    return () => {
      ledger.force(length, cred);
      entry.cred = cred;
    };
  }
  if (!object?.cred) return () => {};
  const { cred: payer, charge } = object;
  objects.releaseCharge(object, charge);
  object.cred = undefined;
  return () => {
    ledger.force(charge, payer);
    objects.hold(object, payer, charge);
  };
}

/**
 * Gives back what these entries and nobody else hold, so that something can be tried in their place; the result undoes it.
 * They must be whole: cut to the range in question.
 */
export function takeCharges(entries: Iterable<VmMapEntry>, vm: VmContext): () => void {
  const undo: (() => void)[] = [];
  for (const entry of entries) if (entry.cred || entry.paidByOwnObject) undo.push(uncharge(entry, vm));
  return () => {
    for (const putBack of undo) putBack();
  };
}
