import { parseStat } from "../../core/abi/text/stat.ts";
import { waitingText } from "../linux/proc-file.ts";

/** When a process began, in clock ticks since the machine did: tells it from another one that has its pid. Can wait for it. ENOENT, ESRCH. */
export const startOf = (pid: number): number => parseStat(waitingText(pid, "stat")).startTicks;
