import { AT_EMPTY_PATH, AT_STATX_DONT_SYNC } from "../../core/abi/fcntl.ts";
import {
  STATX_DEV_MAJOR,
  STATX_DEV_MINOR,
  STATX_INO,
  STATX_MASK_INO,
  STATX_MASK_UID_GID,
  STATX_SIZE,
  STATX_UID,
} from "../../core/abi/statx.ts";
import { parseStat } from "../../core/abi/text/stat.ts";
import { ERRNO } from "../../core/base/errno.ts";
import { asLife } from "../../core/procfs/node-numbers.ts";
import { check, lastErrno } from "./ffi/call.ts";
import { errnoNow, libcClose, libcEpollCreate, libcPidfdOpen, libcPidfdSendSignal, libcStatx } from "./ffi/libc.ts";
import { preadText } from "./file.ts";
import { LifeReader } from "./life-reader.ts";
import { openWaiting } from "./proc-file.ts";

const statx = Buffer.alloc(STATX_SIZE);
const ownUid = process.geteuid!();

interface FileNumber {
  readonly device: string;
  readonly ino: number;
}

function fileOf(fd: number): FileNumber {
  check(libcStatx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MASK_INO, statx), "descriptor of a process");
  const device = `${statx.readUInt32LE(STATX_DEV_MAJOR)}:${statx.readUInt32LE(STATX_DEV_MINOR)}`;
  return { device, ino: Number(statx.readBigUInt64LE(STATX_INO)) };
}

/** Where descriptors without a file of their own are: before Linux 6.9 pidfds, too, all of them with one number. */
let anonymousDevice: string | undefined;

function hasOwnNumber({ device }: FileNumber): boolean {
  if (anonymousDevice === undefined) {
    const fd = check(libcEpollCreate(0), "epoll set");
    anonymousDevice = fileOf(fd).device;
    libcClose(fd);
  }
  return device !== anonymousDevice;
}

/**
 * A number that no other process of that pid has: the inode number of its pidfd, which the kernel gives out once since it
 * started. Asking for it returns. Before Linux 6.9 it is the start time, which only its stat file tells: that can wait
 * for the process, so {@link LifeReader} reads it of others' processes. `dirfd` is its directory. ESRCH when it has exited; EAGAIN.
 */
export function lifeOf(pid: number, dirfd: number): number {
  return asLife(numberOf(pid, dirfd));
}

function numberOf(pid: number, dirfd: number): number {
  const pidfd = check(libcPidfdOpen(pid, 0), `process ${pid}`);
  try {
    const file = fileOf(pidfd);
    // Once the pidfd was opened the process of the directory was still there: so both are one.
    if (libcPidfdSendSignal(dirfd, 0, null, 0) !== 0 && errnoNow() === ERRNO.ESRCH) throw lastErrno(`process ${pid}`);
    return hasOwnNumber(file) ? file.ino : startTicks(pid, dirfd);
  } finally {
    libcClose(pidfd);
  }
}

/** Of others' processes a thread reads it. */
let reader: LifeReader | undefined;

function startTicks(pid: number, dirfd: number): number {
  check(libcStatx(dirfd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MASK_UID_GID, statx), `process ${pid}`);
  const owner = statx.readUInt32LE(STATX_UID);
  if (owner === ownUid) return ownStartTicks(dirfd);
  reader ??= new LifeReader();
  const ticks = reader.startTicks(pid, owner);
  // It was read by number.
  if (libcPidfdSendSignal(dirfd, 0, null, 0) !== 0 && errnoNow() === ERRNO.ESRCH) throw lastErrno(`process ${pid}`);
  return ticks;
}

function ownStartTicks(dirfd: number): number {
  const fd = openWaiting(dirfd, "stat");
  try {
    return parseStat(preadText(fd, "stat")).startTicks;
  } finally {
    libcClose(fd);
  }
}
