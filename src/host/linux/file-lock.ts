import { closeSync, constants, openSync } from "node:fs";
import { isErrno } from "../../core/base/errno.ts";
import { check } from "./ffi/call.ts";
import { libcFlock } from "./ffi/libc.ts";

/** flock(2). */
const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * The descriptor of `path`, made if need be, with its lock; undefined while others have it. The lock belongs to the open
 * file, so whoever inherits the descriptor shares it, and the kernel gives it up with the last of them.
 */
export function lockFile(path: string): number | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    check(libcFlock(fd, LOCK_EX | LOCK_NB), path);
    return fd;
  } catch (error) {
    closeSync(fd);
    if (isErrno(error, "EAGAIN")) return undefined;
    throw error;
  }
}
