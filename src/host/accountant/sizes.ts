import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { isErrno } from "../../core/base/errno.ts";
import { openForReading } from "../linux/descriptor-reserve.ts";
import { check } from "../linux/ffi/call.ts";
import { libcClose } from "../linux/ffi/libc.ts";
import { readNumbersAt } from "../linux/file.ts";
import { listNumbers } from "../linux/numbered-entries.ts";

/** /proc/pid/statm, which waits for nobody: pages. */
export interface Size {
  readonly total: number;
  /** Private and writable, and the stack. */
  readonly data: number;
  readonly resident: number;
}

const fields = new Float64Array(6);

export function sizeAt(dir: string): Size {
  readNumbersAt(AT_FDCWD, `${dir}/statm`, "statm", fields);
  return { total: fields[0]!, data: fields[5]!, resident: fields[1]! };
}

/** The numbers that name the entries of a directory of /proc. */
export function numbersIn(path: string): number[] {
  const fd = check(openForReading(AT_FDCWD, path), path);
  try {
    return listNumbers(fd, path);
  } finally {
    libcClose(fd);
  }
}

/** `undefined` where the process is gone or does not let itself be looked at. */
export function ifThere<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}

/** A thread that has the process's memory: the first one, unless that has exited. Undefined: nobody has it any more. */
export function threadWithMemory(pid: number): number | undefined {
  const hasMemory = (dir: string): boolean => sizeAt(dir).total > 0;
  if (ifThere(() => hasMemory(`/proc/${pid}`))) return pid;
  const threads = ifThere(() => numbersIn(`/proc/${pid}/task`)) ?? [];
  return threads.find((tid) => tid !== pid && ifThere(() => hasMemory(`/proc/${pid}/task/${tid}`)));
}

/** What a thread says that has the process's memory still, where the first one has exited. */
export function threadThat<T>(pid: number, read: (path: string) => T, isIt: (read: T) => boolean): T | undefined {
  for (const tid of ifThere(() => numbersIn(`/proc/${pid}/task`)) ?? []) {
    const found = tid === pid ? undefined : ifThere(() => read(`/proc/${pid}/task/${tid}`));
    if (found !== undefined && isIt(found)) return found;
  }
  return undefined;
}
