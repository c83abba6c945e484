import { check } from "./ffi/call.ts";
import { libcFcntl } from "./ffi/libc.ts";

/** fcntl(2). */
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** Keeps an inherited descriptor from the children of this process. EBADF. */
export function closeOnExec(fd: number): void {
  check(libcFcntl(fd, F_SETFD, FD_CLOEXEC), `descriptor ${fd}`);
}
