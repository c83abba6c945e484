import { O_CLOEXEC, O_EXCL, O_RDONLY, O_RDWR } from "../../../core/abi/fcntl.ts";
import {
  LO_FLAGS_AUTOCLEAR,
  LO_NAME_SIZE,
  LOOP_CLR_FD,
  LOOP_CONFIG_FD,
  LOOP_CONFIG_INFO,
  LOOP_CONFIG_SIZE,
  LOOP_CONFIGURE,
  LOOP_CTL_GET_FREE,
  LOOP_GET_STATUS64,
  LOOP_INFO_FILE_NAME,
  LOOP_INFO_FLAGS,
  LOOP_INFO_SIZE,
  LOOP_SET_CAPACITY,
  LOOP_SET_FD,
  LOOP_SET_STATUS64,
} from "../../../core/abi/loop.ts";
import { Errno, errnoName } from "../../../core/base/errno.ts";
import { check } from "../ffi/call.ts";
import { errnoNow, libcClose, libcIoctl, libcIoctlNumber, libcOpen } from "../ffi/libc.ts";

const CONTROL = "/dev/loop-control";

function open(path: string, flags: number): number {
  const fd = libcOpen(path, flags | O_CLOEXEC, 0);
  if (fd >= 0) return fd;
  const hint = "load the loop module (modprobe loop), or give the container the loop devices";
  throw new Errno(errnoName(errnoNow()), `${path} cannot be opened: ${hint}`);
}

/** `exclusive` is refused while the device is mounted, in whatever namespace, or used in such a way: EBUSY. */
export type LoopUse = "look" | "change" | "exclusive";

const FLAGS: Record<LoopUse, number> = { look: O_RDONLY, change: O_RDWR, exclusive: O_RDWR | O_EXCL };

export function openLoop(device: string, use: LoopUse): number {
  return open(device, FLAGS[use]);
}

/** The path of a free loop device. Another process may take it before we do. */
export function freeLoop(): string {
  const control = open(CONTROL, O_RDWR);
  try {
    return `/dev/loop${check(libcIoctl(control, LOOP_CTL_GET_FREE, null), "a free loop device")}`;
  } finally {
    libcClose(control);
  }
}

/** Puts the device on top of `file`, and keeps that open from now on. EBUSY: another process has taken the device. */
export function attach(loop: number, file: number, label: string, what: string): void {
  const config = Buffer.alloc(LOOP_CONFIG_SIZE);
  config.writeUInt32LE(file, LOOP_CONFIG_FD);
  const info = config.subarray(LOOP_CONFIG_INFO, LOOP_CONFIG_INFO + LOOP_INFO_SIZE);
  info.write(label, LOOP_INFO_FILE_NAME, LO_NAME_SIZE - 1, "latin1");
  if (libcIoctl(loop, LOOP_CONFIGURE, config) === 0) return;
  const code = errnoName(errnoNow());
  if (code !== "EINVAL" && code !== "ENOTTY") throw new Errno(code, what);
  // Linux before 5.8 has it in two steps.
  check(libcIoctlNumber(loop, LOOP_SET_FD, file), what);
  if (libcIoctl(loop, LOOP_SET_STATUS64, info) === 0) return;
  const second = errnoName(errnoNow());
  libcIoctl(loop, LOOP_CLR_FD, null);
  throw new Errno(second, what);
}

function status(loop: number): Buffer | undefined {
  const info = Buffer.alloc(LOOP_INFO_SIZE);
  return libcIoctl(loop, LOOP_GET_STATUS64, info) === 0 ? info : undefined;
}

/** The text given to {@link attach}; undefined when nothing is attached. */
export function labelOf(loop: number): string | undefined {
  return status(loop)
    ?.toString("latin1", LOOP_INFO_FILE_NAME, LOOP_INFO_FILE_NAME + LO_NAME_SIZE)
    .replace(/\0.*/s, "");
}

/** The device takes the size that its file has now. */
export function followFileSize(loop: number, what: string): void {
  check(libcIoctl(loop, LOOP_SET_CAPACITY, null), what);
}

/**
 * Gives the device back. False, and nothing has changed, when anybody else has it open: the kernel would wait for them and
 * say nothing.
 */
export function detach(loop: number, what: string): boolean {
  check(libcIoctl(loop, LOOP_CLR_FD, null), what);
  const info = status(loop);
  if (!info) return true;
  info.writeUInt32LE(info.readUInt32LE(LOOP_INFO_FLAGS) & ~LO_FLAGS_AUTOCLEAR, LOOP_INFO_FLAGS);
  check(libcIoctl(loop, LOOP_SET_STATUS64, info), what);
  return false;
}
