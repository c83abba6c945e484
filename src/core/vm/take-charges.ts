import type { VmMapEntry } from "./entry.ts";
import type { VmContext } from "./rules/rules.ts";
import { paysForEntryAlone } from "./rules/seed.ts";

/**
 * Gives back what these entries hold, so that something can be tried in their place; `putBack` makes it undone. They must
 * be whole: cut to the range in question.
 */
export function takeCharges(entries: Iterable<VmMapEntry>, { ledger, objects }: VmContext): { putBack(): void } {
  const undo: (() => void)[] = [];
  for (const entry of entries) {
    const { cred, object, length } = entry;
    if (cred) {
      ledger.release(length, cred);
      entry.cred = undefined;
      undo.push(() => {
        ledger.force(length, cred);
        entry.cred = cred;
      });
    } else if (object?.cred && paysForEntryAlone(entry)) {
      const { cred: payer, charge } = object;
      objects.releaseCharge(object, charge);
      object.cred = undefined;
      undo.push(() => {
        ledger.force(charge, payer);
        objects.hold(object, payer, charge);
      });
    }
  }
  return { putBack: () => undo.forEach((act) => void act()) };
}
