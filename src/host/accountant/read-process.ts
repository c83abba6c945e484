import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { parseSchedstat } from "../../core/abi/text/schedstat.ts";
import { STAT, statFields } from "../../core/abi/text/stat.ts";
import { isStopped, isZombie, stateOf } from "../../core/abi/text/status.ts";
import type { Image, MemoryFile, Progress } from "../../core/notify/ports.ts";
import { readTextAt } from "../linux/file.ts";
import { memoryFileAt } from "./memory-file.ts";
import { ifThere, numbersIn, threadThat } from "./sizes.ts";

export const textOf = (path: string): string => readTextAt(AT_FDCWD, path, path);

const statOf = (dir: string): readonly string[] => statFields(textOf(`${dir}/stat`));

const hasMemory = (fields: readonly string[]): boolean => fields[STAT.memoryBytes] !== "0";

/** Waits for a process that is inside exec. */
export function readImage(pid: number): Image | undefined {
  return ifThere(() => {
    const fields = statOf(`/proc/${pid}`);
    const startTicks = Number(fields[STAT.startTicks]);
    const ppid = Number(fields[STAT.ppid]);
    const from = hasMemory(fields) ? fields : threadThat(pid, statOf, hasMemory);
    if (!from) return { startTicks, ppid, layout: `gone ${pid}`, isHidden: false, startBrk: 0 };
    // The kernel shows 1 for what it does not tell, 0 while exec is on its way.
    const isHidden = Number(from[STAT.codeStart]) <= 1 || from[STAT.brkStart] === "0";
    const layout = isHidden
      ? `hidden ${pid}`
      : `${from[STAT.codeStart]} ${from[STAT.stackStart]} ${from[STAT.argumentsStart]}`;
    return { startTicks, ppid, layout, isHidden, startBrk: isHidden ? 0 : Number(from[STAT.brkStart]) };
  });
}

/** The memory files that a process has open. Waits for one that is inside exec. */
export function readMemoryFiles(pid: number): readonly MemoryFile[] {
  const fds = ifThere(() => numbersIn(`/proc/${pid}/fd`)) ?? [];
  return fds.flatMap((fd) => memoryFileAt(`/proc/${pid}/fd/${fd}`) ?? []);
}

/** Asleep so that a signal would wake it, or stopped. */
const isInterruptible = (state: string): boolean => state === "S" || isStopped(state);

/** Of a thread, by its directory in /proc. Waits for a process that is inside exec. */
export function readProgress(path: string): Progress | undefined {
  return ifThere(() => {
    const fields = statOf(path);
    if (isZombie(fields[STAT.state]!)) return undefined;
    const cpuTime = cpuTimeOf(path);
    const faults = Number(fields[STAT.minorFaults]) + Number(fields[STAT.majorFaults]);
    const call = ifThere(() => textOf(`${path}/syscall`));
    // Of one that hides where it is only the state tells: none of these calls sleeps so that a signal would wake it.
    const running = call === undefined ? !isInterruptible(fields[STAT.state]!) : call.startsWith("running");
    const number = Number.parseInt(call ?? "", 10);
    return { running, call: number >= 0 ? number : undefined, cpuTime, faults };
  });
}

/** The same as far as `status` and `schedstat` tell, which wait for nobody. */
export function readProgressAtOnce(path: string): Progress | undefined {
  return ifThere(() => {
    const state = stateOf(textOf(`${path}/status`));
    if (isZombie(state)) return undefined;
    return { running: !isInterruptible(state), call: undefined, cpuTime: cpuTimeOf(path), faults: 0 };
  });
}

const cpuTimeOf = (path: string): number => parseSchedstat(textOf(`${path}/schedstat`)).ranNs;
