import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { statusField } from "../../core/abi/text/status.ts";
import type { Image, MemoryFile, Progress } from "../../core/notify/ports.ts";
import { readTextAt } from "../linux/file.ts";
import { memoryFileAt } from "./memory-file.ts";
import { ifThere, numbersIn, threadThat } from "./sizes.ts";

/** Fields of /proc/pid/stat behind the name, proc_pid_stat(5): counted from the state. */
const STATE = 0;
const PPID = 1;
const MINFLT = 7;
const MAJFLT = 9;
const STARTTIME = 19;
const VSIZE = 20;
const STARTCODE = 23;
const STARTSTACK = 25;
const START_BRK = 44;
const ARG_START = 45;

export const textOf = (path: string): string => readTextAt(AT_FDCWD, path, path);

function statFields(dir: string): readonly string[] {
  const text = textOf(`${dir}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

const hasMemory = (fields: readonly string[]): boolean => fields[VSIZE] !== "0";

/** Waits for a process that is inside exec. */
export function readImage(pid: number): Image | undefined {
  return ifThere(() => {
    const fields = statFields(`/proc/${pid}`);
    const startTicks = Number(fields[STARTTIME]);
    const ppid = Number(fields[PPID]);
    const from = hasMemory(fields) ? fields : threadThat(pid, statFields, hasMemory);
    if (!from) return { startTicks, ppid, layout: `gone ${pid}`, isHidden: false, startBrk: 0 };
    // The kernel shows 1 for what it does not tell, 0 while exec is on its way.
    const isHidden = Number(from[STARTCODE]) <= 1 || from[START_BRK] === "0";
    const layout = isHidden ? `hidden ${pid}` : `${from[STARTCODE]} ${from[STARTSTACK]} ${from[ARG_START]}`;
    return { startTicks, ppid, layout, isHidden, startBrk: isHidden ? 0 : Number(from[START_BRK]) };
  });
}

/** The memory files that a process has open. Waits for one that is inside exec. */
export function readMemoryFiles(pid: number): readonly MemoryFile[] {
  const fds = ifThere(() => numbersIn(`/proc/${pid}/fd`)) ?? [];
  return fds.flatMap((fd) => memoryFileAt(`/proc/${pid}/fd/${fd}`) ?? []);
}

/** Of a thread, by its directory in /proc. Waits for a process that is inside exec. */
export function readProgress(path: string): Progress | undefined {
  return ifThere(() => {
    const fields = statFields(path);
    if (/[ZX]/.test(fields[STATE]!)) return undefined;
    const cpuTime = cpuTimeOf(path);
    const faults = Number(fields[MINFLT]) + Number(fields[MAJFLT]);
    const call = ifThere(() => textOf(`${path}/syscall`));
    // Of one that hides where it is only the state tells: none of these calls sleeps so that a signal would wake it.
    const running = call === undefined ? !/[STt]/.test(fields[STATE]!) : call.startsWith("running");
    const number = Number.parseInt(call ?? "", 10);
    return { running, call: number >= 0 ? number : undefined, cpuTime, faults };
  });
}

/** The same as far as `status` and `schedstat` tell, which wait for nobody. */
export function readProgressAtOnce(path: string): Progress | undefined {
  return ifThere(() => {
    const state = statusField(textOf(`${path}/status`), "State");
    if (/^[ZX]/.test(state)) return undefined;
    return { running: !/^[STt]/.test(state), call: undefined, cpuTime: cpuTimeOf(path), faults: 0 };
  });
}

const cpuTimeOf = (path: string): number => Number(textOf(`${path}/schedstat`).split(" ", 1)[0]);
