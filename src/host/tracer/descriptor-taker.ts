import { F_DUPFD_CLOEXEC, PIDFD_THREAD } from "../../core/abi/fcntl.ts";
import type { Pid, Tid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { type Steps, step } from "../../core/vfs/steps.ts";
import { check } from "../linux/ffi/call.ts";
import { libcClose, libcFcntl, libcPidfdGetfd, libcPidfdOpen } from "../linux/ffi/libc.ts";
import { threadsOf } from "../linux/threads.ts";
import { pause } from "./patches.ts";

/** A number no descriptor has. */
const NO_DESCRIPTOR = 0x7fff_ffff;
/** How long to wait for a descriptor of our own to come free, once there is no way back. */
const AGAIN_MS = 5;

/** For the thread itself; before Linux 6.9 for the first one, with which it shares its descriptors. */
function openPidfd(pid: Pid, tid: Tid, what: string): number {
  const leader = pid as number as Tid;
  try {
    return check(libcPidfdOpen(tid, tid === leader ? 0 : PIDFD_THREAD), what);
  } catch (error) {
    if (tid === leader || !isErrno(error, "EINVAL")) throw error;
    if (threadsOf(pid).includes(leader)) return check(libcPidfdOpen(pid, 0), what);
    throw new Errno("EOPNOTSUPP", `the first thread of process ${pid} has ended; that takes Linux 6.9 or later`);
  }
}

/** Takes copies of a stopped thread's descriptors, having made sure beforehand that it can. */
export class DescriptorTaker {
  readonly #pidfd: number;
  readonly #what: string;
  /** A descriptor kept for the copy. */
  #spare: number;

  /** EPERM, EMFILE; EOPNOTSUPP before Linux 6.9 where the process's first thread has ended. */
  constructor(pid: Pid, tid: Tid) {
    this.#what = `descriptors of process ${pid}`;
    this.#pidfd = openPidfd(pid, tid, this.#what);
    this.#spare = libcFcntl(this.#pidfd, F_DUPFD_CLOEXEC, 0);
    try {
      check(this.#spare, this.#what);
      // The kernel judges us before it looks for the descriptor.
      check(libcPidfdGetfd(this.#pidfd, NO_DESCRIPTOR, 0), this.#what);
    } catch (error) {
      if (isErrno(error, "EBADF")) return;
      this.close();
      throw error;
    }
  }

  /** A copy of `fd`. ESRCH. */
  *take(fd: number): Steps<number> {
    for (;;) {
      this.#dropSpare();
      try {
        return check(libcPidfdGetfd(this.#pidfd, fd, 0), this.#what);
      } catch (error) {
        if (!isErrno(error, "EMFILE", "ENFILE", "ENOMEM")) throw error;
      }
      yield* step(pause(AGAIN_MS));
    }
  }

  #dropSpare(): void {
    if (this.#spare >= 0) libcClose(this.#spare);
    this.#spare = -1;
  }

  close(): void {
    this.#dropSpare();
    libcClose(this.#pidfd);
  }
}
