import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { isErrno } from "../../core/base/errno.ts";
import { readNumbersAt } from "../linux/file.ts";
import { listThreads, procPath } from "../linux/proc-file.ts";

/** /proc/pid/statm, which waits for nobody: pages. */
export interface Size {
  readonly total: number;
  /** Private and writable, and the stack. */
  readonly data: number;
  readonly resident: number;
}

const fields = new Float64Array(6);

/** Of a process, or as one of its threads has it: nothing but zeros for a thread that has exited. */
export function readSize(pid: number, tid?: number): Size {
  readNumbersAt(AT_FDCWD, procPath(pid, "statm", tid), "statm", fields);
  return { total: fields[0]!, data: fields[5]!, resident: fields[1]! };
}

/** `undefined` where the process is gone or does not let itself be looked at. */
export function ifReadable<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}

const hasMemory = ({ total }: Size): boolean => total > 0;

/** A thread that has the process's memory: the first one, unless that has exited. Undefined: nobody has it any more. */
export function threadWithMemory(pid: number): number | undefined {
  const first = ifReadable(() => readSize(pid));
  return first && hasMemory(first) ? pid : otherThread(pid, readSize, hasMemory)?.tid;
}

/** Of the threads but the first one, one whose answer to `read` fits: for a process whose first thread has exited. */
export function otherThread<T>(
  pid: number,
  read: (pid: number, tid: number) => T,
  fits: (read: T) => boolean,
): { readonly tid: number; readonly found: T } | undefined {
  for (const tid of ifReadable(() => listThreads(pid)) ?? []) {
    const found = tid === pid ? undefined : ifReadable(() => read(pid, tid));
    if (found !== undefined && fits(found)) return { tid, found };
  }
  return undefined;
}
