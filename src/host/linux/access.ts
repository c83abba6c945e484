import { O_CLOEXEC, O_RDWR } from "../../core/abi/fcntl.ts";
import { isKernelThread, isZombie } from "../../core/abi/text/stat.ts";
import { Errno, errnoName } from "../../core/base/errno.ts";
import type { Access, Process } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import type { CallerIdentity } from "./caller-identity.ts";
import { errnoNow, libcClose, libcOpenat } from "./ffi/libc.ts";
import type { LiveProcess } from "./live-process.ts";
import { threadsOf } from "./threads.ts";

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

  recorded(caller: Caller, afresh: boolean): Caller {
    return this.#identity.recorded(caller, afresh);
  }

  debug(target: Process, caller: Caller): void {
    const live = target as LiveProcess;
    const fd = this.openMemory(live, caller);
    if (fd >= 0) libcClose(fd);
    else if (!this.#identity.isOwn(caller) && caller.uid !== live.owner().uid) throw this.#refusal(live, caller);
  }

  /**
   * A descriptor of the target's memory, opened as `caller`; -1 when it has none left, being a zombie, and the kernel
   * therefore no opinion. EPERM, also for a kernel thread; ESRCH.
   */
  openMemory(target: LiveProcess, caller: Caller): number {
    // The kernel lets every thread of a process at its own memory: for the daemon that would be the daemon's thread.
    if (target.pid === process.pid && !this.#identity.isOwn(caller)) throw this.#refusal(target, caller);
    const fd = this.#tryOpen(target, "mem", caller);
    if (fd >= 0) return fd;
    const stat = target.stat();
    if (isKernelThread(stat)) throw new Errno("EPERM", `${target.pid} is a kernel thread`);
    if (!isZombie(stat)) throw new Errno("ESRCH", `process ${target.pid} has exited`);
    // The first thread may have left while others go on.
    const [tid] = threadsOf(target.pid);
    return tid === undefined ? -1 : this.#tryOpen(target, `task/${tid}/mem`, caller);
  }

  /** -1 when there is nothing to open. */
  #tryOpen(target: LiveProcess, name: string, caller: Caller): number {
    const dirfd = target.dirfd();
    return this.#identity.as(caller, () => {
      const fd = libcOpenat(dirfd, name, O_RDWR | O_CLOEXEC, 0);
      if (fd >= 0) return fd;
      const code = errnoName(errnoNow());
      if (code === "EACCES" || code === "EPERM") throw this.#refusal(target, caller);
      if (code === "ENOENT" || code === "ESRCH") return -1;
      throw new Errno(code, `memory of process ${target.pid}`);
    });
  }

  #refusal(target: LiveProcess, caller: Caller): Errno {
    return new Errno("EPERM", `the kernel refuses uid ${caller.uid} to debug process ${target.pid}`);
  }
}
