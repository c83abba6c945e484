import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../../core/abi/fcntl.ts";
import { PIDFD_GET_INFO, PIDFD_INFO_SIZE } from "../../core/abi/pidfd.ts";
import {
  PROCMAP_QUERY,
  PROCMAP_QUERY_COVERING_OR_NEXT_VMA,
  PROCMAP_QUERY_FLAGS,
  PROCMAP_QUERY_SIZE,
} from "../../core/abi/procmap.ts";
import { PTRACE_DETACH, PTRACE_INTERRUPT, PTRACE_SEIZE } from "../../core/abi/ptrace.ts";
import {
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  SECCOMP_GET_ACTION_AVAIL,
  SECCOMP_GET_NOTIF_SIZES,
  SECCOMP_RET_USER_NOTIF,
  SECCOMP_SET_MODE_FILTER,
} from "../../core/abi/seccomp.ts";
import { limitIn } from "../../core/abi/text/limits.ts";
import { statusMask } from "../../core/abi/text/status.ts";
import { WALL } from "../../core/abi/wait.ts";
import { isErrno } from "../../core/base/errno.ts";
import { check } from "./ffi/call.ts";
import {
  libcClose,
  libcIoctl,
  libcOpenat,
  libcPidfdOpen,
  libcPtraceNumber,
  libcSeccomp,
  libcWait4,
} from "./ffi/libc.ts";
import { readTextAt } from "./file.ts";

/** The first line of a file, or undefined where it cannot be read. */
export function firstLine(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").split("\n")[0];
  } catch {
    return undefined;
  }
}

/** The whole file, empty where it cannot be read. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Where PATH finds a program, and whether it is set-uid root. */
export function findProgram(name: string): { path: string; setUidRoot: boolean } | undefined {
  for (const dir of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      const { uid, mode } = statSync(path);
      return { path, setUidRoot: uid === 0 && (mode & 0o4000) !== 0 };
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

/** Seizes, stops and detaches from `pid`, a child that was started for this. Errno of the kernel. */
export function tryPtrace(pid: number): void {
  check(libcPtraceNumber(PTRACE_SEIZE, pid, 0, 0), "PTRACE_SEIZE");
  check(libcPtraceNumber(PTRACE_INTERRUPT, pid, 0, 0), "PTRACE_INTERRUPT");
  check(libcWait4(pid, Buffer.alloc(4), WALL, null), "wait4");
  check(libcPtraceNumber(PTRACE_DETACH, pid, 0, 0), "PTRACE_DETACH");
}

export function tryPidfd(): void {
  libcClose(check(libcPidfdOpen(process.pid, 0), "pidfd_open"));
}

/** PIDFD_GET_INFO of this process. */
export function tryPidfdInfo(): void {
  const fd = check(libcPidfdOpen(process.pid, 0), "pidfd_open");
  try {
    check(libcIoctl(fd, PIDFD_GET_INFO, Buffer.alloc(PIDFD_INFO_SIZE)), "PIDFD_GET_INFO");
  } finally {
    libcClose(fd);
  }
}

/** PROCMAP_QUERY of our own first mapping. */
export function tryProcmapQuery(): void {
  const fd = check(libcOpenat(AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0), "/proc/self/maps");
  try {
    const query = Buffer.alloc(PROCMAP_QUERY_SIZE);
    query.writeUInt32LE(PROCMAP_QUERY_SIZE, 0);
    query.writeUInt32LE(PROCMAP_QUERY_COVERING_OR_NEXT_VMA, PROCMAP_QUERY_FLAGS);
    check(libcIoctl(fd, PROCMAP_QUERY, query), "PROCMAP_QUERY");
  } finally {
    libcClose(fd);
  }
}

/** Whether user notifications are there, and the bytes of one. Errors are the kernel's. */
export function trySeccompNotify(sysSeccomp: number): { notification: number } {
  const action = Buffer.alloc(4);
  action.writeUInt32LE(SECCOMP_RET_USER_NOTIF);
  check(libcSeccomp(sysSeccomp, SECCOMP_GET_ACTION_AVAIL, 0, action), "SECCOMP_RET_USER_NOTIF");
  const sizes = Buffer.alloc(6);
  check(libcSeccomp(sysSeccomp, SECCOMP_GET_NOTIF_SIZES, 0, sizes), "SECCOMP_GET_NOTIF_SIZES");
  return { notification: sizes.readUInt16LE(0) };
}

/**
 * Whether a notified call can be made to wait for its answer whatever signals come. Asked with flags and no filter: a
 * kernel that knows them goes on to read the filter, EFAULT; another answers EINVAL. Nothing is installed either way.
 */
export function tryKillableNotify(sysSeccomp: number): void {
  const flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  try {
    check(libcSeccomp(sysSeccomp, SECCOMP_SET_MODE_FILTER, flags, null), "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
  } catch (error) {
    if (!isErrno(error, "EFAULT")) throw error;
  }
}

/** How many descriptors this process may have open, getrlimit(2); Node has raised the soft limit to the hard one. */
export function openFileLimit(which: "soft" | "hard" = "soft"): number {
  return limitIn(textOf("/proc/self/limits"), "Max open files")?.[which] ?? Number.POSITIVE_INFINITY;
}

/** The effective capabilities, a bit set. */
export function effectiveCapabilities(): bigint {
  return statusMask(readTextAt(AT_FDCWD, "/proc/self/status", "own status"), "CapEff");
}
