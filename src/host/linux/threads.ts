import { isZombie, stateOf } from "../../core/abi/text/status.ts";
import type { Pid, Tid } from "../../core/base/brand.ts";
import { ifThere, listThreads, promptText } from "./proc-file.ts";

/** The threads of a process that still run, in no particular order; empty when it is gone. */
export function threadsOf(pid: Pid): readonly Tid[] {
  return allThreadsOf(pid).filter((tid) => runsOn(pid, tid));
}

/** Whether it is one of them. */
export function runsOn(pid: Pid, tid: Tid): boolean {
  const text = ifThere(() => promptText(pid, "status", tid));
  return text !== undefined && !isZombie(stateOf(text));
}

/** Those, too, that have exited and were not collected yet. */
export function allThreadsOf(pid: Pid): readonly Tid[] {
  return (ifThere(() => listThreads(pid)) ?? []) as Tid[];
}
