import { parseSchedstat } from "../../core/abi/text/schedstat.ts";
import { STAT, statFields, statName } from "../../core/abi/text/stat.ts";
import { isStopped, isZombie, stateOf } from "../../core/abi/text/status.ts";
import type { Image, MemoryFile, Progress } from "../../core/notify/ports.ts";
import { listDescriptors, promptText, waitingText } from "../linux/proc-file.ts";
import { memoryFileOf } from "./memory-file.ts";
import { ifReadable, otherThread } from "./sizes.ts";

const statOf = (pid: number, tid?: number): readonly string[] => statFields(waitingText(pid, "stat", tid));

const hasMemory = (fields: readonly string[]): boolean => fields[STAT.memoryBytes] !== "0";

/** Waits for a process that is inside exec. */
export function readImage(pid: number): Image | undefined {
  return ifReadable(() => {
    const text = waitingText(pid, "stat");
    const name = statName(text);
    const fields = statFields(text);
    const startTicks = Number(fields[STAT.startTicks]);
    const ppid = Number(fields[STAT.ppid]);
    const from = hasMemory(fields) ? fields : otherThread(pid, statOf, hasMemory)?.found;
    if (!from) return { startTicks, ppid, name, layout: `gone ${pid}`, isHidden: false, startBrk: 0 };
    // The kernel shows 1 for what it does not tell, 0 while exec is on its way.
    const isHidden = Number(from[STAT.codeStart]) <= 1 || from[STAT.brkStart] === "0";
    const layout = isHidden
      ? `hidden ${pid}`
      : `${from[STAT.codeStart]} ${from[STAT.stackStart]} ${from[STAT.argumentsStart]}`;
    return { startTicks, ppid, name, layout, isHidden, startBrk: isHidden ? 0 : Number(from[STAT.brkStart]) };
  });
}

/** The memory files that a process has open. Waits for one that is inside exec. */
export function readMemoryFiles(pid: number): readonly MemoryFile[] {
  const fds = ifReadable(() => listDescriptors(pid)) ?? [];
  return fds.flatMap((fd) => memoryFileOf(pid, fd) ?? []);
}

/** Asleep so that a signal would wake it, or stopped. */
const isInterruptible = (state: string): boolean => state === "S" || isStopped(state);

/** Of a thread. Waits for a process that is inside exec. */
export function readProgress(pid: number, tid: number): Progress | undefined {
  return ifReadable(() => {
    const fields = statOf(pid, tid);
    if (isZombie(fields[STAT.state]!)) return undefined;
    const cpuTime = cpuTimeOf(pid, tid);
    const faults = Number(fields[STAT.minorFaults]) + Number(fields[STAT.majorFaults]);
    const call = ifReadable(() => waitingText(pid, "syscall", tid));
    // Of one that hides where it is only the state tells: none of these calls sleeps so that a signal would wake it.
    const running = call === undefined ? !isInterruptible(fields[STAT.state]!) : call.startsWith("running");
    const number = Number.parseInt(call ?? "", 10);
    return { running, call: number >= 0 ? number : undefined, cpuTime, faults };
  });
}

/** The same as far as `status` and `schedstat` tell, which wait for nobody. */
export function readProgressAtOnce(pid: number, tid: number): Progress | undefined {
  return ifReadable(() => {
    const state = stateOf(promptText(pid, "status", tid));
    if (isZombie(state)) return undefined;
    return { running: !isInterruptible(state), call: undefined, cpuTime: cpuTimeOf(pid, tid), faults: 0 };
  });
}

const cpuTimeOf = (pid: number, tid: number): number => parseSchedstat(promptText(pid, "schedstat", tid)).ranNs;
