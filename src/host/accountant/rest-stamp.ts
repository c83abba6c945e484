import { stateOf } from "../../core/abi/text/status.ts";
import type { Pid } from "../../core/base/brand.ts";
import { isErrno } from "../../core/base/errno.ts";
import { promptText } from "../linux/proc-file.ts";
import { allThreadsOf } from "../linux/threads.ts";

/** For a process with more threads than this a stamp costs more than it saves. */
const MOST_THREADS = 64;

/**
 * A text that is equal to an earlier one only if no thread of the process has run in between: the run time and the number of time slices of
 * each thread, and `statm`. No read of it blocks. The map of a process is changed by its own threads only, except for pages that the kernel
 * reclaims, memory and files that it shares with others, and names of files. Undefined: a thread is running, the kernel does not count run
 * time, or the process cannot be read.
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
