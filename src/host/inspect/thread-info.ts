import { parseStat } from "../../core/abi/text/stat.ts";
import type { ThreadInfo } from "../../core/procfs/inspection-port.ts";
import type { StatAndChannel } from "../linux/elsewhere/jobs.ts";
import { ticksToTime } from "../linux/process-info.ts";

export function threadInfo({ stat, channel }: StatAndChannel): ThreadInfo {
  const { comm, state, userTicks, systemTicks } = parseStat(stat);
  return { comm, state, user: ticksToTime(userTicks), system: ticksToTime(systemTicks), waitChannel: channel };
}
