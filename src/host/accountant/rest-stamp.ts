import { stateOf } from "../../core/abi/text/status.ts";
import type { Pid } from "../../core/base/brand.ts";
import { isErrno } from "../../core/base/errno.ts";
import { promptText } from "../linux/proc-file.ts";
import { allThreadsOf } from "../linux/threads.ts";

/** To look at more threads than that costs more than it saves. */
const MOST_THREADS = 64;

/**
 * Tells whether a process has run since an earlier stamp, by calls that return: how long each of its threads has run and how often it
 * was given a processor, and how much memory there is. Nobody but its own threads changes its map, but for pages that the
 * kernel takes away, what others do to memory and files that it shares, and its files' names. Undefined while a thread runs, where the
 * kernel does not count, and where it cannot be told.
 */
export function restStamp(pid: Pid): string | undefined {
  try {
    const threads = allThreadsOf(pid);
    if (threads.length > MOST_THREADS) return undefined;
    let stamp = promptText(pid, "statm");
    for (const tid of threads) {
      const ran = promptText(pid, "schedstat", tid);
      if (ran.startsWith("0 ") || stateOf(promptText(pid, "status", tid)) === "R") return undefined;
      stamp += `${tid} ${ran}`;
    }
    return stamp;
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}
