/** The only place that makes paths below /proc/PID. What can wait is called by jobs and for the daemon's own processes only. */
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../../core/abi/fcntl.ts";
import { isErrno } from "../../core/base/errno.ts";
import { openForReading } from "./descriptor-reserve.ts";
import { check } from "./ffi/call.ts";
import { libcClose, libcOpenat, libcReadlinkat } from "./ffi/libc.ts";
import { readLongText, readTextAt } from "./file.ts";
import { listNumbers } from "./numbered-entries.ts";
import type { ProcFileName, PromptName, WaitingName } from "./waits.ts";

const PATH_MAX = 4096;
const linkText = Buffer.alloc(PATH_MAX);

/** The directory of a process. */
export function processPath(pid: number): string {
  return `/proc/${pid}`;
}

/** A file of process `pid`, or of its thread `tid`. */
export function procPath(pid: number, name: ProcFileName, tid?: number): string {
  return tid === undefined ? `/proc/${pid}/${name}` : `${threadPath(pid, tid)}/${name}`;
}

/** The directory of a thread of process `pid`. */
export function threadPath(pid: number, tid: number): string {
  return `/proc/${pid}/task/${tid}`;
}

/** The link of descriptor `fd` of process `pid`. Reading and following it may block: row "fd/0" of waits.ts. */
export function descriptorPath(pid: number, fd: number): string {
  return `${procPath(pid, "fd")}/${fd}`;
}

/** A directory descriptor that binds to the process of that number; a thread's number opens its process's. ENOENT. */
export function openProcess(pid: number): number {
  return check(libcOpenat(AT_FDCWD, processPath(pid), O_RDONLY | O_CLOEXEC, 0), `process ${pid}`);
}

/** A text whose read never blocks. ENOENT, ESRCH. */
export function promptText(pid: number, name: PromptName, tid?: number): string {
  return readTextAt(AT_FDCWD, procPath(pid, name, tid), `${name} of process ${tid ?? pid}`);
}

/** As {@link promptText}, for a text of any length. */
export function longPromptText(pid: number, name: PromptName, tid?: number): string {
  return readLongText(procPath(pid, name, tid));
}

/** A descriptor of such a text, read again by `preadText`, below the process's directory `dirfd`. */
export function openPrompt(dirfd: number, name: PromptName): number {
  return check(libcOpenat(dirfd, name, O_RDONLY | O_CLOEXEC, 0), name);
}

/** The threads by number, in no particular order, those that have exited and were not collected included. ENOENT, ESRCH. */
export function listThreads(pid: number): number[] {
  return numbersIn(procPath(pid, "task"), `threads of process ${pid}`);
}

/** The numbers of a process's descriptors. ENOENT, ESRCH, EACCES. */
export function listDescriptors(pid: number): number[] {
  return numbersIn(procPath(pid, "fd"), `descriptors of process ${pid}`);
}

/** All processes by number. */
export function listProcesses(): number[] {
  return numbersIn("/proc", "/proc");
}

function numbersIn(path: string, what: string): number[] {
  const fd = check(openForReading(AT_FDCWD, path), what);
  try {
    return listNumbers(fd, what);
  } finally {
    libcClose(fd);
  }
}

/** Number of the thread that calls. */
export function ownTid(): number {
  const count = check(libcReadlinkat(AT_FDCWD, "/proc/thread-self", linkText, linkText.length), "number of a thread");
  return Number(linkText.toString("latin1", 0, count).split("/").at(-1));
}

/** A text whose read may block for as long as the owner of the process likes. */
export function waitingText(pid: number, name: WaitingName, tid?: number): string {
  return readTextAt(AT_FDCWD, procPath(pid, name, tid), `${name} of process ${pid}`);
}

/** A descriptor of such a text below the process's directory `dirfd`, for `preadText`. Opening it returns, reading it can wait. */
export function openWaiting(dirfd: number, name: "stat"): number {
  return check(libcOpenat(dirfd, name, O_RDONLY | O_CLOEXEC, 0), name);
}

/** The target of a link, one character a byte. The read may block. */
export function waitingLink(pid: number, name: WaitingName): string {
  const count = check(
    libcReadlinkat(AT_FDCWD, procPath(pid, name), linkText, linkText.length),
    `${name} of process ${pid}`,
  );
  return linkText.toString("latin1", 0, count);
}

/** `undefined` where the process or thread is gone. */
export function ifThere<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}
