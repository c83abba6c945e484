import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../../core/abi/fcntl.ts";
import { isZombie, parseStat } from "../../core/abi/text/stat.ts";
import type { Pid, Tid } from "../../core/base/brand.ts";
import { isErrno } from "../../core/base/errno.ts";
import { check } from "./ffi/call.ts";
import { libcClose, libcOpenat } from "./ffi/libc.ts";
import { readTextAt } from "./file.ts";
import { listNumbers } from "./numbered-entries.ts";

/** The threads of a process that still run, in no particular order; empty when it is gone. */
export function threadsOf(pid: Pid): readonly Tid[] {
  return list(pid, isRunning);
}

/** Those, too, that have exited and were not collected yet. */
export function allThreadsOf(pid: Pid): readonly Tid[] {
  return list(pid, () => true);
}

function list(pid: Pid, wanted: (taskfd: number, tid: Tid) => boolean): readonly Tid[] {
  try {
    const fd = check(libcOpenat(AT_FDCWD, `/proc/${pid}/task`, O_RDONLY | O_CLOEXEC, 0), `threads of ${pid}`);
    try {
      return (listNumbers(fd, `threads of ${pid}`) as Tid[]).filter((tid) => wanted(fd, tid));
    } finally {
      libcClose(fd);
    }
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH")) return [];
    throw error;
  }
}

function isRunning(taskfd: number, tid: Tid): boolean {
  try {
    return !isZombie(parseStat(readTextAt(taskfd, `${tid}/stat`, `thread ${tid}`)));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH")) return false;
    throw error;
  }
}
