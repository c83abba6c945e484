import type { Accounts } from "../../core/notify/accounts.ts";
import { atMost } from "../../core/notify/need.ts";
import type { TrappedCall } from "../../core/notify/notification.ts";

/**
 * Charges what a call can add at most, which is let go although nobody could decide about it. The next look at its space takes back
 * what was too much; shared memory is found by whoever sees it mapped.
 */
export function chargeUnseen({ population }: Accounts, { tid, operation }: TrappedCall): void {
  const process = population.find(tid) ?? population.ofThread(tid);
  if (!process || process.launching) return;
  const most = atMost(operation, process.space);
  const pages = Number.isFinite(most) ? most : "pages" in operation ? operation.pages : 0;
  if (pages > 0) process.space.add(pages);
}
