import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { Errno, errnoName } from "../../core/base/errno.ts";
import { check } from "../linux/ffi/call.ts";
import { errnoNow, libcClose, libcPidfdGetfd, libcPidfdOpen, libcReadlinkat } from "../linux/ffi/libc.ts";

const LISTENER = "anon_inode:seccomp notify";
/** How often we look; the process makes its listener a moment after it was told that we will. */
const LOOK_MS = 1;
const GIVE_UP_MS = 30_000;

const link = Buffer.alloc(64);

function isListener(fd: number): boolean {
  const count = libcReadlinkat(AT_FDCWD, `/proc/self/fd/${fd}`, link, link.length);
  return count > 0 && link.toString("latin1", 0, count) === LISTENER;
}

/**
 * Copies descriptor `fd` of `pid` as soon as it is a seccomp listener, and hands it to `taken`, whose it is then. EPERM at once
 * when the kernel lets us take none; `undefined` for a process that ends, or thinks better of it.
 */
export function awaitListener(pid: number, fd: number, taken: (fd: number | undefined) => void): void {
  const pidfd = check(libcPidfdOpen(pid, 0), `process ${pid}`);
  const end = performance.now() + GIVE_UP_MS;
  const look = (): number | "not yet" => {
    const copy = libcPidfdGetfd(pidfd, fd, 0);
    if (copy < 0 && errnoName(errnoNow()) !== "EBADF") {
      throw new Errno(errnoName(errnoNow()), `the kernel lets us have no descriptor of process ${pid}`);
    }
    if (copy < 0) return "not yet";
    if (isListener(copy)) return copy;
    libcClose(copy);
    return "not yet";
  };
  /** It has exited: whoever waits for it knows. */
  const lookLater = (): number | "not yet" | undefined => {
    try {
      return look();
    } catch (error) {
      if (error instanceof Errno) return undefined;
      throw error;
    }
  };
  let found: number | "not yet" | undefined;
  try {
    found = look();
  } catch (error) {
    libcClose(pidfd);
    throw error;
  }
  if (found !== "not yet") {
    libcClose(pidfd);
    taken(found);
    return;
  }
  const timer = setInterval(() => {
    const late = performance.now() > end;
    found = lookLater();
    if (found === "not yet" && !late) return;
    libcClose(pidfd);
    clearInterval(timer);
    taken(found === "not yet" ? undefined : found);
  }, LOOK_MS);
}
