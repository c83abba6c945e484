import { isStopped } from "../../core/abi/text/status.ts";
import { Errno } from "../../core/base/errno.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import type { LiveProcess } from "../linux/live-process.ts";

/** How often an untraced process is looked at while somebody waits for it to stop: the kernel tells only its tracer. */
const UNTRACED_WAIT_MS = 4;

/**
 * Until anything stops a process that nobody traces, or only who repairs its calls: `seized`. That stops it for moments, so that a stop
 * counts when it is seen twice. ESRCH when it goes instead.
 */
export function waitUntraced(target: LiveProcess, seized = false): Outcome<void> {
  const stopped = (): boolean => {
    if (target.hasExited()) throw new Errno("ESRCH", `process ${target.pid} has exited`);
    return isStopped(target.state());
  };
  if (stopped() && !seized) return;
  let seen = 0;
  const parked = new Parked<void>(() => clearInterval(timer));
  const timer = setInterval(() => {
    try {
      seen = stopped() ? seen + 1 : 0;
      if (seen < (seized ? 2 : 1)) return;
      parked.settle();
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      parked.fail(error);
    }
    clearInterval(timer);
  }, UNTRACED_WAIT_MS);
  return parked;
}
