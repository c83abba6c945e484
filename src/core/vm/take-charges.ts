import type { VmMapEntry } from "./entry.ts";
import type { VmContext } from "./rules/rules.ts";

/** Gives back the charge of `entry`, or all of its object's charge. The returned function takes it again. */
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
 * Gives back the charges that only these entries hold, so that another mapping can be tried in their place. The returned function takes
 * them again. The entries must be cut to the range in question.
 */
export function takeCharges(entries: Iterable<VmMapEntry>, vm: VmContext): () => void {
  const undo: (() => void)[] = [];
  for (const entry of entries) if (entry.cred || entry.paidByOwnObject) undo.push(uncharge(entry, vm));
  return () => {
    for (const putBack of undo) putBack();
  };
}
