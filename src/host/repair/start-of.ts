import { parseStat } from "../../core/abi/text/stat.ts";
import { waitingText } from "../linux/proc-file.ts";

/**
 * The start time of a process, clock ticks since boot: tells it from a later process with its pid. The read may block for as long as its
 * owner likes. ENOENT, ESRCH.
 */
export const startOf = (pid: number): number => parseStat(waitingText(pid, "stat")).startTicks;
