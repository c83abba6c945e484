/**
 * Serves a mounted /dev/fuse on Node's event loop, on the main thread: the descriptor is non-blocking, readiness comes
 * from uv_poll, and a burst of requests is served without going back to the loop.
 */
import { O_NONBLOCK } from "../../core/abi/fcntl.ts";
import { FUSE_NOTIFY_RESEND, OUT_ERROR, OUT_HEADER_SIZE } from "../../core/abi/fuse.ts";
import { ERRNO, Errno } from "../../core/base/errno.ts";
import type { FileSystem } from "../../core/vfs/node.ts";
import type { Turns } from "../../core/vfs/turns.ts";
import { FuseSession } from "../../core/wire/fuse/session.ts";
import { check, lastErrno } from "../linux/ffi/call.ts";
import { errnoNow, libcClose, libcFcntl, libcRead, libcWrite } from "../linux/ffi/libc.ts";
import { watchReadable } from "../linux/watch.ts";
import { type MountMemory, REQUEST_SIZE } from "./mount-memory.ts";

/** fcntl(2). */
const F_SETFL = 4;
/** After so many requests the event loop has its turn. */
const BURST = 64;
/**
 * How long to look for the next request before going to sleep. A client's next call follows within microseconds, and
 * being woken up on another processor takes longer than waiting for it.
 */
const SPIN_US = 20;
export interface FuseServer {
  /** What is held for the kernel. */
  readonly session: FuseSession;
  /** The kernel's FUSE minor version; resolves with INIT. */
  readonly kernelMinor: Promise<number>;
  /** Resolves when the mount is gone, whoever ended it. */
  readonly unmounted: Promise<void>;
  /**
   * Stops serving and closes `fd`: what waits ends with EINTR, what is open is closed. Unmount first. Where nobody else has the
   * device, the kernel ends whatever is asked of the mount from then on.
   */
  close(): void;
}

export interface FuseServing {
  /** /dev/fuse, mounted; the server's own from now on. */
  readonly fd: number;
  readonly fs: FileSystem;
  /** Where what a later server has to know is noted; stays the caller's. */
  readonly memory?: MountMemory | undefined;
  /** Whose request is served next; without it each is served as it comes. */
  readonly turns?: Turns;
  onBug(error: unknown): void;
}

/** Has the kernel send what it has sent already, and got no answer to. False where it does not know how (before Linux 6.9). */
function askAgain(fd: number): boolean {
  const message = Buffer.alloc(OUT_HEADER_SIZE);
  message.writeUInt32LE(message.length, 0);
  message.writeInt32LE(FUSE_NOTIFY_RESEND, OUT_ERROR);
  return libcWrite(fd, message, message.length) >= 0;
}

/** Serves a new mount; one that a server before this one has left, with its memory, is {@link resumeFuse}'s. */
export function serveFuse({ fd, fs, memory, turns, onBug }: FuseServing): FuseServer {
  check(libcFcntl(fd, F_SETFL, O_NONBLOCK), "/dev/fuse");
  const buffer = memory?.request ?? Buffer.alloc(REQUEST_SIZE);
  let tellMinor: (minor: number) => void;
  const kernelMinor = new Promise<number>((resolve) => {
    tellMinor = resolve;
  });
  const session = new FuseSession({
    fs,
    ...(memory && { memory: memory.session }),
    ...(turns && { turns }),
    reply: (bytes) => {
      if (libcWrite(fd, bytes, bytes.length) >= 0) return;
      // ENOENT: the request was given up meanwhile. ENODEV: unmounted.
      if (errnoNow() !== ERRNO.ENOENT && errnoNow() !== ERRNO.ENODEV) onBug(lastErrno("reply to /dev/fuse"));
    },
    onInit: (agreement) => {
      if (memory) memory.agreement = agreement;
      tellMinor(agreement.minor);
    },
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
      // Whoever comes after us finds here what we had begun.
      buffer.writeUInt32LE(0, 0);
      return true;
    }
    switch (errnoNow()) {
      case ERRNO.EAGAIN:
        return false;
      case ERRNO.EINTR:
      case ERRNO.ENOENT:
        return true;
      // Unmounted; or not mounted yet, by a server that was killed before.
      case ERRNO.ENODEV:
      case ERRNO.EPERM:
        close();
        return false;
      default:
        throw lastErrno("read of /dev/fuse");
    }
  };

  const serveBurst = (): void => {
    let sleepAt = performance.now() + SPIN_US / 1000;
    for (let served = 0; open && served < BURST && !turns?.full; ) {
      if (serveOne()) {
        served++;
        sleepAt = performance.now() + SPIN_US / 1000;
        continue;
      }
      turns?.rest();
      // An answer that comes from elsewhere is taken at once.
      if (session.waits || performance.now() > sleepAt) return;
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

/** Goes on for a server that has died: what that one had received is served again, what was open stays open. */
export function resumeFuse(serving: FuseServing & { readonly memory: MountMemory }): FuseServer {
  const { fd, memory } = serving;
  const { agreement } = memory;
  const last = Buffer.from(memory.request.subarray(0, memory.request.readUInt32LE(0)));
  const server = serveFuse(serving);
  server.session.resume(agreement?.resends !== false && askAgain(fd), last);
  return server;
}
