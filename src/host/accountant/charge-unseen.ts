import type { Accounts } from "../../core/notify/accounts.ts";
import { OPERATIONS } from "../../core/notify/operations.ts";
import type { TrappedCall } from "../../core/trap/notification.ts";

/**
 * Charges the most that a call can add: the decision about it has failed with an exception, and it goes on. The next read of the map gives
 * back what was too much; shared memory is charged again, to its object, when a map shows it.
 */
export function chargeUnseen({ population, context }: Accounts, { tid, operation }: TrappedCall): void {
  const process = population.find(tid) ?? population.ofThread(tid);
  if (!process || process.launching) return;
  // A size that the call names itself needs no read of the process, and that read may be what has failed.
  const pages =
    "pages" in operation ? operation.pages : OPERATIONS[operation.kind].upperBound(operation, process, context);
  if (pages > 0) process.space.add(pages);
}
