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

/** Whose thread it is, by ids in this process's pid and user namespace. */
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
 * What a descriptor of the thread tells, without a file of /proc: it waits for nobody, and leaves nothing behind that the thread would
 * have to clear away at its exit. "gone": there is no such thread; undefined: this kernel, or this process, cannot tell so.
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
 * Whether a thread has told the kernel where it keeps its robust futexes, as the C library has each of them do. The kernel forgets that
 * just before the thread gives up its memory at its exit: who has told it has its memory. Waits for nobody.
 */
export function hasRobustFutexes(tid: number): boolean {
  if (libcGetRobustList(hostArch().sysGetRobustList, tid, headBytes, lengthBytes) !== 0) return false;
  return head[0] !== 0 || head[1] !== 0;
}
