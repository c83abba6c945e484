/**
 * Everything that may block on a process, each as one synchronous function: called on a thread of the pool for processes of other users, at
 * once for those of the daemon's own user. Arguments and results are cloned between threads: numbers, strings, plain objects. A job names a
 * process by its pid; the caller checks afterwards that this is still the same process.
 */
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_STATX_DONT_SYNC,
  O_CLOEXEC,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
} from "../../../core/abi/fcntl.ts";
import { PTRACE_SEIZE } from "../../../core/abi/ptrace.ts";
import { STATX_DEV_MAJOR, STATX_DEV_MINOR, STATX_MASK_INO, STATX_SIZE } from "../../../core/abi/statx.ts";
import { Errno, isErrno } from "../../../core/base/errno.ts";
import { actAs, type Role, withoutCapabilities } from "../acting.ts";
import { isLocal } from "../backing.ts";
import { check } from "../ffi/call.ts";
import {
  errnoNow,
  libcClose,
  libcOpenat,
  libcPreadAt,
  libcPtraceNumber,
  libcPwriteAt,
  libcStatx,
} from "../ffi/libc.ts";
import { wholeFile } from "../file.ts";
import { procPath, waitingLink, waitingText } from "../proc-file.ts";
import { isSameFile } from "../same-file.ts";
import type { Lock } from "../waits.ts";
import type { JobKit } from "./kit.ts";

export interface Asked {
  readonly pid: number;
  /** The role under which the kernel checks permission. */
  readonly role: Role;
}

export interface Transfer {
  /** A descriptor of /proc/PID/mem, which the caller keeps open until the job has ended. */
  readonly fd: number;
  readonly address: number;
  /** The address of the bytes in the daemon's memory, which the caller keeps allocated until the job has ended. */
  readonly buffer: number;
  readonly length: number;
  readonly write: boolean;
}

/** The stat file of a process, and the kernel function in which it sleeps as far as the role may know. */
export interface StatAndChannel {
  /** As text, which is cloned faster than the parsed fields. */
  readonly stat: string;
  readonly channel: string;
}

interface OneProcess {
  readonly pid: number;
}

interface OneThread extends Asked {
  /** Absent: the main thread. */
  readonly tid?: number;
}

/** Files of /proc that are read as bytes. */
export type BytesName = "auxv" | "cmdline" | "environ" | "maps";

/** Arguments and result of each. */
export interface Jobs {
  /** The stat file. ESRCH, ENOENT. */
  stat(job: OneProcess): string;
  /** The stat file and, where wanted, the {@link waitChannel}, of the process or of one thread. */
  status(job: OneThread & { readonly channel: boolean }): StatAndChannel;
  /**
   * A descriptor of the memory of the process, or of one thread; the kernel's ptrace check, made as the role. EPERM, EACCES
   * where it refuses; ENOENT, ESRCH where there is no memory.
   */
  openMemory(job: OneThread): number;
  /** Path of the executable that opens the same file the process runs. */
  executable(job: Asked): string;
  /** A descriptor of the executable. EOPNOTSUPP on a file system that could make its readers block. */
  openExecutable(job: Asked): number;
  /** The whole of a file of bytes. EPERM, EACCES; ENOENT, ESRCH. */
  bytes(job: Asked & { readonly name: BytesName }): Uint8Array;
  /** Path of a directory that the process has, one character a byte. As {@link bytes}. */
  directory(job: Asked & { readonly name: "cwd" | "root" }): string;
  /** As pread(2) and pwrite(2): the count, or minus the errno. */
  transfer(job: Transfer): number;
  /**
   * Returns once an attach to thread `tid` would not block: asks for an attach without any capability, which the kernel refuses when it has
   * taken the locks. Only for a process of another uid.
   */
  tryLocks(job: { readonly tid: number }): void;
}

const LOCK_OF: Readonly<Record<keyof Jobs, Lock>> = {
  stat: "exec_update_lock",
  status: "exec_update_lock",
  openMemory: "exec_update_lock",
  executable: "exec_update_lock",
  openExecutable: "exec_update_lock",
  bytes: "mmap_lock",
  directory: "exec_update_lock",
  transfer: "mmap_lock",
  tryLocks: "cred_guard_mutex",
};

const statx = Buffer.alloc(STATX_SIZE);

/**
 * The kernel function in which a process sleeps. Empty where it does not sleep, or the role may not know: the kernel shows `0` for both.
 */
export function waitChannel({ pid, tid, role }: OneThread): string {
  try {
    const text = actAs(role, () => waitingText(pid, "wchan", tid));
    return text === "0" ? "" : text;
  } catch (error) {
    if (isErrno(error, "EPERM", "EACCES", "ENOENT")) return "";
    throw error;
  }
}

/** EOPNOTSUPP for a file that another program or machine serves: a read could block for ever. Closes the descriptor in any case. */
function refuseForeign(fd: number, what: string): void {
  try {
    check(libcStatx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MASK_INO, statx), what);
  } finally {
    libcClose(fd);
  }
  if (isLocal(statx.readUInt32LE(STATX_DEV_MAJOR), statx.readUInt32LE(STATX_DEV_MINOR))) return;
  throw new Errno("EOPNOTSUPP", `the ${what} is on a file system that another program or machine serves`);
}

export const JOBS: Jobs = {
  stat: ({ pid }) => waitingText(pid, "stat"),

  status: (job) => ({ stat: waitingText(job.pid, "stat", job.tid), channel: job.channel ? waitChannel(job) : "" }),

  openMemory: ({ pid, tid, role }) =>
    actAs(role, () =>
      check(libcOpenat(AT_FDCWD, procPath(pid, "mem", tid), O_RDWR | O_CLOEXEC, 0), `memory of process ${pid}`),
    ),

  executable: ({ pid, role }) => {
    const path = actAs(role, () => waitingLink(pid, "exe"));
    return isSameFile(path, AT_FDCWD, procPath(pid, "exe")) ? path : procPath(pid, "exe");
  },

  openExecutable: ({ pid, role }) => {
    const what = `executable of process ${pid}`;
    const path = procPath(pid, "exe");
    return actAs(role, () => {
      refuseForeign(check(libcOpenat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0), what), what);
      return check(libcOpenat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0), what);
    });
  },

  bytes: ({ pid, role, name }) => actAs(role, () => wholeFile(procPath(pid, name), `${name} of process ${pid}`)),

  directory: ({ pid, role, name }) => actAs(role, () => waitingLink(pid, name)),

  transfer: ({ fd, address, buffer, length, write }) => {
    const count = (write ? libcPwriteAt : libcPreadAt)(fd, buffer, length, address);
    return count < 0 ? -errnoNow() : count;
  },

  tryLocks: ({ tid }) => {
    if (withoutCapabilities(() => libcPtraceNumber(PTRACE_SEIZE, tid, 0, 0)) === 0)
      throw new Errno("EIO", `thread ${tid} was attached where the kernel had to refuse it`);
  },
};

/** How many of these jobs are done at a time, by threads that are not held up. */
const AT_ONCE = 16;

export const PROCESS_JOBS: JobKit<Jobs> = {
  jobs: JOBS,
  lockOf: LOCK_OF,
  program: new URL("./thread.js", import.meta.url),
  atOnce: AT_ONCE,
  discard(name, value) {
    if (name === "openMemory" || name === "openExecutable") libcClose(value as number);
  },
};
