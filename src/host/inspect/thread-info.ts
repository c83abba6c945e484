import { maskHas, signalName } from "../../core/abi/signal.ts";
import { parseStat } from "../../core/abi/text/stat.ts";
import { statusField } from "../../core/abi/text/status.ts";
import type { SignalSets, ThreadInfo } from "../../core/procfs/inspection-port.ts";
import type { StatAndChannel } from "../linux/elsewhere/jobs.ts";
import { ticksToTime } from "../linux/process-info.ts";

export function threadInfo({ stat, channel }: StatAndChannel): ThreadInfo {
  const { comm, state, userTicks, systemTicks } = parseStat(stat);
  return { comm, state, user: ticksToTime(userTicks), system: ticksToTime(systemTicks), waitChannel: channel };
}

/** The names of a mask as /proc shows it. */
function names(status: string, field: string): string[] {
  const mask = BigInt(`0x${statusField(status, field)}`);
  const found: string[] = [];
  for (let signal = 1; signal <= 64; signal++) if (maskHas(mask, signal)) found.push(signalName(signal));
  return found;
}

/** Of a thread's status file. */
export function signalSets(status: string): SignalSets {
  return {
    pending: names(status, "ShdPnd"),
    "thread-pending": names(status, "SigPnd"),
    blocked: names(status, "SigBlk"),
    ignored: names(status, "SigIgn"),
    caught: names(status, "SigCgt"),
  };
}
