import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { isErrno } from "../../core/base/errno.ts";
import { readNumbersAt } from "../linux/file.ts";
import { listThreads, procPath } from "../linux/proc-file.ts";

/** /proc/pid/statm, a read of which never blocks: pages. */
export interface Size {
  readonly total: number;
  /** Private and writable, and the stack. */
  readonly data: number;
  readonly resident: number;
}

const fields = new Float64Array(6);

/** The figures of a process, read through its thread `tid` if given: all 0 where that thread (or the main thread) has exited. Errno. */
export function readSize(pid: number, tid?: number): Size {
  readNumbersAt(AT_FDCWD, procPath(pid, "statm", tid), "statm", fields);
  return { total: fields[0]!, data: fields[5]!, resident: fields[1]! };
}

/** The result of `act`; undefined where the process is gone (ENOENT, ESRCH) or may not be read (EACCES, EPERM). */
export function ifReadable<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}

const hasMemory = ({ total }: Size): boolean => total > 0;

/** A thread that still has the address space: the main thread, unless that has exited. Undefined: no thread has it any more. */
export function threadWithMemory(pid: number): number | undefined {
  const first = ifReadable(() => readSize(pid));
  return first && hasMemory(first) ? pid : otherThread(pid, readSize, hasMemory)?.tid;
}

/** The first thread but the main one for which `read` returns what `fits`: for a process whose main thread has exited. */
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
