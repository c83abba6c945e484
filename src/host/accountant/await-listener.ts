import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { ERRNO, isErrno } from "../../core/base/errno.ts";
import { check, lastErrno } from "../linux/ffi/call.ts";
import { errnoNow, libcClose, libcPidfdGetfd, libcPidfdOpen, libcReadlinkat } from "../linux/ffi/libc.ts";

const LISTENER = "anon_inode:seccomp notify";
/** How often the descriptor is copied. The process creates its listener a moment after the answer. */
const RETRY_MS = 1;
const GIVE_UP_MS = 30_000;

const link = Buffer.alloc(64);

/** Whether a descriptor of this process is the receiving end of a seccomp filter. */
export function isListener(fd: number): boolean {
  const count = libcReadlinkat(AT_FDCWD, `/proc/self/fd/${fd}`, link, link.length);
  return count > 0 && link.toString("latin1", 0, count) === LISTENER;
}

/**
 * Copies descriptor `fd` of process `pid` as soon as it is a seccomp listener, and gives the copy to `taken`, which owns it. `taken` gets
 * undefined where the process exits, or creates no listener in time. EPERM, at once, where the kernel does not let us copy descriptors of
 * it.
 */
export function awaitListener(pid: number, fd: number, taken: (fd: number | undefined) => void): void {
  const pidfd = check(libcPidfdOpen(pid, 0), `process ${pid}`);
  const end = performance.now() + GIVE_UP_MS;
  let timer: NodeJS.Timeout | undefined;
  const close = (): void => {
    clearInterval(timer);
    libcClose(pidfd);
  };
  const tryCopy = (): number | undefined => {
    const copy = libcPidfdGetfd(pidfd, fd, 0);
    if (copy >= 0 && isListener(copy)) return copy;
    if (copy >= 0) libcClose(copy);
    else if (errnoNow() !== ERRNO.EBADF) {
      const error = lastErrno(`the kernel lets us have no descriptor of process ${pid}`);
      close();
      throw error;
    }
    return undefined;
  };
  const settle = (listener: number | undefined): void => {
    close();
    taken(listener);
  };
  const first = tryCopy();
  if (first !== undefined) {
    settle(first);
    return;
  }
  timer = setInterval(() => {
    let listener: number | undefined;
    try {
      listener = tryCopy();
    } catch (error) {
      if (!isErrno(error)) throw error;
      // The process has exited.
      taken(undefined);
      return;
    }
    if (listener !== undefined || performance.now() > end) settle(listener);
  }, RETRY_MS);
}
