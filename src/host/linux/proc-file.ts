/** The only place that makes paths below /proc/PID. What can wait is called by jobs and for the daemon's own processes only. */
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../../core/abi/fcntl.ts";
import { isErrno } from "../../core/base/errno.ts";
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
  return tid === undefined ? `/proc/${pid}/${name}` : `/proc/${pid}/task/${tid}/${name}`;
}

/** A directory descriptor that binds to the process of that number; a thread's number opens its process's. ENOENT. */
export function openProcess(pid: number): number {
  return check(libcOpenat(AT_FDCWD, processPath(pid), O_RDONLY | O_CLOEXEC, 0), `process ${pid}`);
}

/** A text that returns at once. ENOENT, ESRCH. */
export function promptText(pid: number, name: PromptName, tid?: number): string {
  return readTextAt(AT_FDCWD, procPath(pid, name, tid), `${name} of process ${tid ?? pid}`);
}

/** The same however long it is. */
export function longPromptText(pid: number, name: PromptName, tid?: number): string {
  return readLongText(procPath(pid, name, tid));
}

/** A descriptor of such a text, read again by `preadText`, below the process's directory `dirfd`. */
export function openPrompt(dirfd: number, name: PromptName): number {
  return check(libcOpenat(dirfd, name, O_RDONLY | O_CLOEXEC, 0), name);
}

/** The threads by number, in no particular order, those that have exited and were not collected included. ENOENT, ESRCH. */
export function listThreads(pid: number): number[] {
  const fd = check(libcOpenat(AT_FDCWD, procPath(pid, "task"), O_RDONLY | O_CLOEXEC, 0), `threads of process ${pid}`);
  try {
    return listNumbers(fd, `threads of process ${pid}`);
  } finally {
    libcClose(fd);
  }
}

/** Number of the thread that calls. */
export function ownTid(): number {
  const count = check(libcReadlinkat(AT_FDCWD, "/proc/thread-self", linkText, linkText.length), "number of a thread");
  return Number(linkText.toString("latin1", 0, count).split("/").at(-1));
}

/** A text that can wait for the process. */
export function waitingText(pid: number, name: WaitingName, tid?: number): string {
  return readTextAt(AT_FDCWD, procPath(pid, name, tid), `${name} of process ${pid}`);
}

/** A descriptor of such a text below the process's directory `dirfd`, for `preadText`. Opening it returns, reading it can wait. */
export function openWaiting(dirfd: number, name: "stat"): number {
  return check(libcOpenat(dirfd, name, O_RDONLY | O_CLOEXEC, 0), name);
}

/** Where a link leads, one character a byte. It can wait for the process. */
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
