import { stateOf } from "../../core/abi/text/status.ts";
import type { Pid } from "../../core/base/brand.ts";
import { ifThere, promptText } from "../linux/proc-file.ts";
import { allThreadsOf } from "../linux/threads.ts";

/** To look at more threads than that costs more than it saves. */
const MOST_THREADS = 64;

/**
 * Tells whether a process has run since an earlier stamp, by calls that return: how long each of its threads has run and how often it
 * was given a processor, and how much memory there is. Nobody but its own threads changes its map, but for pages that the
 * kernel takes away. Undefined while a thread runs, and where the kernel does not count.
 */
export function restStamp(pid: Pid): string | undefined {
  return ifThere(() => {
    const threads = allThreadsOf(pid);
    if (threads.length > MOST_THREADS) return undefined;
    let stamp = promptText(pid, "statm");
    for (const tid of threads) {
      const ran = promptText(pid, "schedstat", tid);
      if (ran.startsWith("0 ") || stateOf(promptText(pid, "status", tid)) === "R") return undefined;
      stamp += `${tid} ${ran}`;
    }
    return stamp;
  });
}
