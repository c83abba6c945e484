import {
  PIDFD_GET_INFO,
  PIDFD_INFO_EUID,
  PIDFD_INFO_MASK,
  PIDFD_INFO_PPID,
  PIDFD_INFO_RUID,
  PIDFD_INFO_SIZE,
  PIDFD_INFO_TGID,
  PIDFD_INFO_WITH_CREDS,
  PIDFD_INFO_WITH_PID,
  PIDFD_THREAD,
} from "../../core/abi/pidfd.ts";
import { ERRNO } from "../../core/base/errno.ts";
import { errnoNow, libcClose, libcGetRobustList, libcIoctl, libcPidfdOpen } from "./ffi/libc.ts";
import { hostArch } from "./host-arch.ts";

/** Process and uids of a thread, as ids in the pid and user namespace of this process. */
export interface ThreadInfo {
  readonly pid: number;
  readonly ppid: number;
  readonly ruid: number;
  readonly euid: number;
}

const info = Buffer.alloc(PIDFD_INFO_SIZE);
const WANTED = PIDFD_INFO_WITH_PID | PIDFD_INFO_WITH_CREDS;
/** Whether the kernel has PIDFD_GET_INFO (Linux 6.13), as far as is known. */
let isThere = true;

/**
 * Process and uids of a thread by PIDFD_GET_INFO, without a file of /proc: it never blocks, and creates no /proc entries that the kernel
 * would have to remove at the thread's exit. "gone": there is no such thread. Undefined: this kernel has no such call, or refuses it.
 */
export function threadInfo(tid: number): ThreadInfo | "gone" | undefined {
  if (!isThere) return undefined;
  const fd = libcPidfdOpen(tid, PIDFD_THREAD);
  if (fd < 0) return errnoNow() === ERRNO.ESRCH ? "gone" : undefined;
  info.fill(0);
  info.writeUInt32LE(WANTED, PIDFD_INFO_MASK);
  const failed = libcIoctl(fd, PIDFD_GET_INFO, info) !== 0;
  const errno = failed ? errnoNow() : 0;
  libcClose(fd);
  if (errno === ERRNO.ESRCH) return "gone";
  if (failed) isThere = false;
  if (failed || (info.readUInt32LE(PIDFD_INFO_MASK) & WANTED) !== WANTED) return undefined;
  return {
    pid: info.readUInt32LE(PIDFD_INFO_TGID),
    ppid: info.readUInt32LE(PIDFD_INFO_PPID),
    ruid: info.readUInt32LE(PIDFD_INFO_RUID),
    euid: info.readUInt32LE(PIDFD_INFO_EUID),
  };
}

/** Where the list begins, an address, and the length of its head. */
const head = new Int32Array(2);
const headBytes = new Uint8Array(head.buffer);
const lengthBytes = new Uint8Array(8);

/**
 * Whether the kernel knows a robust futex list of a thread, which the C library registers for each thread. At the thread's exit the kernel
 * forgets the list just before the thread leaves its address space: a thread with a list still has its memory. Never blocks.
 */
export function hasRobustFutexes(tid: number): boolean {
  if (libcGetRobustList(hostArch().sysGetRobustList, tid, headBytes, lengthBytes) !== 0) return false;
  return head[0] !== 0 || head[1] !== 0;
}
