import { readdirSync } from "node:fs";
import { F_SETFD } from "../../core/abi/fcntl.ts";
import { check } from "./ffi/call.ts";
import { libcFcntl } from "./ffi/libc.ts";

/** fcntl(2). */
const FD_CLOEXEC = 1;

/** Keeps an inherited descriptor from the children of this process. EBADF. */
export function closeOnExec(fd: number): void {
  check(libcFcntl(fd, F_SETFD, FD_CLOEXEC), `descriptor ${fd}`);
}

/** The same with all but standard input, output and error. */
export function closeAllOnExec(): void {
  // One of them is what they were read from, and is closed by now.
  for (const fd of readdirSync("/proc/self/fd").map(Number)) if (fd > 2) libcFcntl(fd, F_SETFD, FD_CLOEXEC);
}
