/**
 * Serves a mounted /dev/fuse on Node's event loop, on the main thread: the descriptor is non-blocking, readiness comes
 * from uv_poll, and a burst of requests is served without going back to the loop.
 */
import { O_NONBLOCK } from "../../core/abi/fcntl.ts";
import { MAX_TRANSFER } from "../../core/abi/fuse.ts";
import { ERRNO, Errno } from "../../core/base/errno.ts";
import type { FileSystem } from "../../core/vfs/node.ts";
import { FuseSession } from "../../core/wire/fuse/session.ts";
import { check, lastErrno } from "../linux/ffi/call.ts";
import { errnoNow, libcClose, libcFcntl, libcRead, libcWrite } from "../linux/ffi/libc.ts";
import { watchReadable } from "../linux/watch.ts";

/** fcntl(2). */
const F_SETFL = 4;
/** After so many requests the event loop has its turn. */
const BURST = 64;
/**
 * How long to look for the next request before going to sleep. A client's next call follows within microseconds, and
 * being woken up on another processor takes longer than waiting for it.
 */
const SPIN_US = 20;
/** The largest request: a WRITE with its headers. */
const REQUEST_SIZE = MAX_TRANSFER + 4096;

export interface FuseServer {
  /** What is held for the kernel. */
  readonly session: FuseSession;
  /** The kernel's FUSE minor version; resolves with INIT. */
  readonly kernelMinor: Promise<number>;
  /** Resolves when the mount is gone, whoever ended it. */
  readonly unmounted: Promise<void>;
  /** Stops serving: what waits ends with EINTR, what is open is closed. Unmount first. */
  close(): void;
}

export function serveFuse(fd: number, fs: FileSystem, rootIno: number, onBug: (error: unknown) => void): FuseServer {
  check(libcFcntl(fd, F_SETFL, O_NONBLOCK), "/dev/fuse");
  const buffer = Buffer.alloc(REQUEST_SIZE);
  let tellMinor: (minor: number) => void;
  const kernelMinor = new Promise<number>((resolve) => {
    tellMinor = resolve;
  });
  const session = new FuseSession({
    fs,
    rootIno,
    reply: (bytes) => {
      if (libcWrite(fd, bytes, bytes.length) >= 0) return;
      // ENOENT: the request was given up meanwhile. ENODEV: unmounted.
      if (errnoNow() !== ERRNO.ENOENT && errnoNow() !== ERRNO.ENODEV) onBug(lastErrno("reply to /dev/fuse"));
    },
    onInit: (minor) => tellMinor(minor),
    onBug: (error, op) => onBug(new Error(`FUSE ${op}`, { cause: error })),
  });

  let open = true;
  let tellUnmounted: () => void;
  const unmounted = new Promise<void>((resolve) => {
    tellUnmounted = resolve;
  });
  const close = (): void => {
    if (!open) return;
    open = false;
    watch.close();
    session.close();
    libcClose(fd);
    tellUnmounted();
  };

  /** One request; false when there is none. */
  const serveOne = (): boolean => {
    const count = libcRead(fd, buffer, buffer.length);
    if (count >= 0) {
      session.request(buffer, count);
      return true;
    }
    switch (errnoNow()) {
      case ERRNO.EAGAIN:
        return false;
      case ERRNO.EINTR:
      case ERRNO.ENOENT:
        return true;
      case ERRNO.ENODEV:
        close();
        return false;
      default:
        throw lastErrno("read of /dev/fuse");
    }
  };

  const serveBurst = (): void => {
    let sleepAt = performance.now() + SPIN_US / 1000;
    for (let served = 0; open && served < BURST; ) {
      if (serveOne()) {
        served++;
        sleepAt = performance.now() + SPIN_US / 1000;
        // An answer that comes from elsewhere is taken at once.
      } else if (session.waits || performance.now() > sleepAt) return;
    }
  };

  const watch = watchReadable(fd, () => {
    try {
      if (open) serveBurst();
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      onBug(error);
      close();
    }
  });
  return { session, kernelMinor, unmounted, close };
}
