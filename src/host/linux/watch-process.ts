import { check } from "./ffi/call.ts";
import { libcClose, libcPidfdOpen, libcPidfdSendSignal } from "./ffi/libc.ts";
import { watchReadable } from "./watch.ts";

const SIGKILL = 9;

export interface ProcessWatch {
  /** Ends the process that is watched, never a later one with its number. */
  kill(): void;
  close(): void;
}

/** A pidfd, close-on-exec. ESRCH. */
export function openPidfd(pid: number): number {
  return check(libcPidfdOpen(pid, 0), `watch process ${pid}`);
}

/** Calls `ended` once when the process is no more; that closes the watch. ESRCH when there is none. */
export function watchProcess(pid: number, ended: () => void): ProcessWatch {
  return watchPidfd(openPidfd(pid), ended);
}

/** Closes `fd` where it cannot be watched. */
function watchOwned(fd: number, ready: () => void): { close(): void } {
  try {
    return watchReadable(fd, ready);
  } catch (error) {
    libcClose(fd);
    throw error;
  }
}

/** The same of a pidfd, which is the watch's from then on, also where it cannot be watched. */
export function watchPidfd(fd: number, ended: () => void): ProcessWatch {
  const watch = watchOwned(fd, () => {
    close();
    ended();
  });
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    watch.close();
    libcClose(fd);
  };
  // A process that has exited meanwhile cannot be killed, and need not be.
  const kill = (): void => void (open && libcPidfdSendSignal(fd, SIGKILL, null, 0));
  return { kill, close };
}
