import { parseSchedstat } from "../../core/abi/text/schedstat.ts";
import { STAT, statFields, statName } from "../../core/abi/text/stat.ts";
import { isStopped, isZombie, stateOf } from "../../core/abi/text/status.ts";
import type { Image, MemoryFile, Progress } from "../../core/space/ports.ts";
import { listDescriptors, promptText, waitingText } from "../linux/proc-file.ts";
import { memoryFileOf } from "./memory-file.ts";
import { ifReadable, otherThread } from "./sizes.ts";

const statOf = (pid: number, tid?: number): readonly string[] => statFields(waitingText(pid, "stat", tid));

const hasMemory = (fields: readonly string[]): boolean => fields[STAT.memoryBytes] !== "0";

/** The image of a process; undefined where it is gone or may not be read. Blocks while the process is inside exec. */
export function readImage(pid: number): Image | undefined {
  return ifReadable(() => {
    const text = waitingText(pid, "stat");
    const name = statName(text);
    const fields = statFields(text);
    const startTicks = Number(fields[STAT.startTicks]);
    const ppid = Number(fields[STAT.ppid]);
    const from = hasMemory(fields) ? fields : otherThread(pid, statOf, hasMemory)?.found;
    if (!from) return { startTicks, ppid, name, layout: `gone ${pid}`, isHidden: false, startBrk: 0 };
    // The kernel shows 1 for an address that the reader may not know, and 0 during exec.
    const isHidden = Number(from[STAT.codeStart]) <= 1 || from[STAT.brkStart] === "0";
    const layout = isHidden
      ? `hidden ${pid}`
      : `${from[STAT.codeStart]} ${from[STAT.stackStart]} ${from[STAT.argumentsStart]}`;
    return { startTicks, ppid, name, layout, isHidden, startBrk: isHidden ? 0 : Number(from[STAT.brkStart]) };
  });
}

/** The memory files that a process has open. Blocks while the process is inside exec. */
export function readMemoryFiles(pid: number): readonly MemoryFile[] {
  const fds = ifReadable(() => listDescriptors(pid)) ?? [];
  return fds.flatMap((fd) => memoryFileOf(pid, fd) ?? []);
}

/** Whether a thread in this state is in an interruptible sleep, or stopped. */
const isInterruptible = (state: string): boolean => state === "S" || isStopped(state);

/** How far a thread has come. Blocks while its process is inside exec. */
export function readProgress(pid: number, tid: number): Progress | undefined {
  return ifReadable(() => {
    const fields = statOf(pid, tid);
    if (isZombie(fields[STAT.state]!)) return undefined;
    const cpuTime = cpuTimeOf(pid, tid);
    const faults = Number(fields[STAT.minorFaults]) + Number(fields[STAT.majorFaults]);
    const call = ifReadable(() => waitingText(pid, "syscall", tid));
    // Where `syscall` may not be read the state tells enough: none of the trapped calls sleeps interruptibly once it goes on.
    const running = call === undefined ? !isInterruptible(fields[STAT.state]!) : call.startsWith("running");
    const number = Number.parseInt(call ?? "", 10);
    return { running, call: number >= 0 ? number : undefined, cpuTime, faults };
  });
}

/** As {@link readProgress}, as far as `status` and `schedstat` tell, reads of which never block. */
export function readProgressAtOnce(pid: number, tid: number): Progress | undefined {
  return ifReadable(() => {
    const state = stateOf(promptText(pid, "status", tid));
    if (isZombie(state)) return undefined;
    return { running: !isInterruptible(state), call: undefined, cpuTime: cpuTimeOf(pid, tid), faults: 0 };
  });
}

const cpuTimeOf = (pid: number, tid: number): number => parseSchedstat(promptText(pid, "schedstat", tid)).ranNs;
