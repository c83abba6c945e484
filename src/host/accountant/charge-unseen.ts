import type { Accounts } from "../../core/notify/accounts.ts";
import type { TrappedCall } from "../../core/notify/notification.ts";
import { OPERATIONS } from "../../core/notify/operations.ts";

/**
 * Charges what a call can add at most, which is let go although nobody could decide about it. The next look at its space takes back
 * what was too much; shared memory is found by whoever sees it mapped.
 */
export function chargeUnseen({ population, context }: Accounts, { tid, operation }: TrappedCall): void {
  const process = population.find(tid) ?? population.ofThread(tid);
  if (!process || process.launching) return;
  // What it names itself is not looked up: a look may be what has failed.
  const pages =
    "pages" in operation ? operation.pages : OPERATIONS[operation.kind].upperBound(operation, process, context);
  if (pages > 0) process.space.add(pages);
}
