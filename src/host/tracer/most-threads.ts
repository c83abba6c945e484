import { QUOTAS } from "../../core/procfs/quotas.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import type { LiveProcess } from "../linux/live-process.ts";

/** How many threads a process may have that `caller` controls: each is a call or two, which others wait for. */
export function mostThreads(target: LiveProcess, caller: Caller): number {
  return caller.uid === 0 || target.isOwn() ? Number.POSITIVE_INFINITY : QUOTAS.attachedThreads.most;
}
