import { O_CLOEXEC, O_RDWR } from "../../core/abi/fcntl.ts";
import { Errno, errnoName } from "../../core/base/errno.ts";
import type { Access, Process } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import type { CallerIdentity } from "./caller-identity.ts";
import { errnoNow, libcClose, libcOpenat } from "./ffi/libc.ts";
import type { LiveProcess } from "./live-process.ts";

/**
 * The kernel's ptrace check, made as the caller by opening /proc/pid/mem with the caller's file-system ids and
 * capabilities (PTRACE_MODE_ATTACH_FSCREDS, ptrace(2)): uids and gids, dumpable, capabilities, user namespace and the
 * security modules all have their say.
 */
export class KernelAccess implements Access {
  readonly #identity: CallerIdentity;

  constructor(identity: CallerIdentity) {
    this.#identity = identity;
  }

  debug(target: Process, caller: Caller): void {
    libcClose(this.openMemory(target as LiveProcess, caller));
  }

  /** A descriptor of the target's memory, opened as `caller`. EPERM, ESRCH. */
  openMemory(target: LiveProcess, caller: Caller): number {
    // The kernel lets every thread of a process at its own memory: for the daemon that would be the daemon's thread.
    if (target.pid === process.pid && !this.#identity.isOwn(caller)) {
      throw new Errno("EPERM", "the daemon is not open to others");
    }
    const dirfd = target.dirfd();
    return this.#identity.as(caller, () => {
      const fd = libcOpenat(dirfd, "mem", O_RDWR | O_CLOEXEC, 0);
      if (fd >= 0) return fd;
      const code = errnoName(errnoNow());
      switch (code) {
        case "EACCES":
        case "EPERM":
          throw new Errno("EPERM", `the kernel refuses uid ${caller.uid} to debug process ${target.pid}`);
        case "ENOENT":
        case "ESRCH":
          throw new Errno("ESRCH", `process ${target.pid} has exited`);
        default:
          throw new Errno(code, `memory of process ${target.pid}`);
      }
    });
  }
}
