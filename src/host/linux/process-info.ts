import { type StatText, ttyMajor, ttyMinor } from "../../core/abi/text/stat.ts";
import { statusNumbers } from "../../core/abi/text/status.ts";
import { TICKS_PER_SECOND } from "../../core/abi/time.ts";
import type { Pid } from "../../core/base/brand.ts";
import type { ProcessInfo, TimeVal } from "../../core/procfs/ports.ts";

/** What the status line is made of. */
export interface ProcessFacts {
  readonly pid: Pid;
  readonly stat: StatText;
  /** Its status file. */
  readonly status: string;
  /** The kernel function that it sleeps in; empty where it does not sleep, or the reader may not know. */
  readonly channel: string;
  /** The terminal of its session's leader, 0 where it has none; undefined where there is no leader. */
  readonly leaderTty: number | undefined;
  /** Seconds since 1970 at which the machine started. */
  readonly bootTime: number;
}

export function ticksToTime(ticks: number, since = 0): TimeVal {
  const usec = (ticks % TICKS_PER_SECOND) * (1_000_000 / TICKS_PER_SECOND);
  return { sec: since + Math.floor(ticks / TICKS_PER_SECOND), usec };
}

export function toProcessInfo({ pid, stat, status, channel, leaderTty, bootTime }: ProcessFacts): ProcessInfo {
  return {
    comm: stat.comm,
    pid,
    ppid: stat.ppid,
    pgrp: stat.pgrp,
    session: leaderTty === undefined ? 0 : stat.session,
    tty: stat.tty === 0 ? undefined : { major: ttyMajor(stat.tty), minor: ttyMinor(stat.tty) },
    sessionHasTty: stat.tty !== 0 || (leaderTty ?? 0) !== 0,
    sessionLeader: stat.session === pid,
    start: ticksToTime(stat.startTicks, bootTime),
    user: ticksToTime(stat.userTicks),
    system: ticksToTime(stat.systemTicks),
    waitChannel: channel,
    euid: statusNumbers(status, "Uid")[1]!,
    egid: statusNumbers(status, "Gid")[1]!,
    groups: statusNumbers(status, "Groups"),
  };
}
