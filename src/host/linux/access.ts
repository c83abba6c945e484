import { statusField, statusNumbers } from "../../core/abi/text/status.ts";
import type { Tid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { Access, Process } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { mapOutcome, type Outcome } from "../../core/vfs/parked.ts";
import { perform, type Steps, step } from "../../core/vfs/steps.ts";
import type { CallerIdentity } from "./caller-identity.ts";
import type { Elsewhere } from "./elsewhere/elsewhere.ts";
import { JOBS } from "./elsewhere/jobs.ts";
import { libcClose } from "./ffi/libc.ts";
import type { LiveProcess } from "./live-process.ts";
import { promptText } from "./proc-file.ts";
import { threadsOf } from "./threads.ts";

/**
 * The kernel's ptrace check, made as the caller by opening /proc/pid/mem with the caller's file-system ids and
 * capabilities (PTRACE_MODE_ATTACH_FSCREDS, ptrace(2)): uids and gids, dumpable, capabilities, user namespace and the
 * security modules all have their say.
 */
export class KernelAccess implements Access {
  readonly #identity: CallerIdentity;
  readonly #elsewhere: Elsewhere;

  constructor(identity: CallerIdentity, elsewhere: Elsewhere) {
    this.#identity = identity;
    this.#elsewhere = elsewhere;
  }

  recorded(caller: Caller, afresh: boolean): Caller {
    return this.#identity.recorded(caller, afresh);
  }

  debug(target: Process, caller: Caller): Outcome<void> {
    const live = target as LiveProcess;
    return mapOutcome(this.openMemory(live, caller), (fd) => this.#judge(live, caller, fd));
  }

  /**
   * The same at once, where every thread of the target is in a ptrace stop of ours: then none can be inside exec, and the
   * check cannot wait.
   */
  debugStopped(target: LiveProcess, caller: Caller): void {
    this.#judge(target, caller, this.openMemoryStopped(target, caller));
  }

  /**
   * The same of a thread in a ptrace stop of ours while others may run, which the kernel cannot be asked about without waiting: by
   * its credentials, which do not change meanwhile. Whether its program may be read was judged by {@link debug} before.
   */
  debugThread(target: LiveProcess, tid: Tid, caller: Caller): void {
    if (target.isOwn()) {
      this.debugStopped(target, caller);
      return;
    }
    if (this.#roleFor(target, caller) === "own") return;
    const text = promptText(target.pid, "status", tid);
    const ids = [...statusNumbers(text, "Uid").slice(0, 3), ...statusNumbers(text, "Gid").slice(0, 3)];
    const { uid, gid } = caller;
    const same = [uid, uid, uid, gid, gid, gid].every((id, i) => ids[i] === id);
    if (!same || !/^0+$/.test(statusField(text, "CapPrm"))) throw this.#refusal(target, caller);
  }

  /**
   * A descriptor of the target's memory, opened as `caller`; -1 when it has none left, being a zombie, and the kernel
   * therefore no opinion. EPERM, also for a kernel thread; ESRCH.
   */
  openMemory(target: LiveProcess, caller: Caller): Outcome<number> {
    if (target.isOwn()) return this.openMemoryStopped(target, caller);
    return perform(this.#openElsewhere(target, caller));
  }

  /** The same at once, under the condition of {@link debugStopped}. */
  openMemoryStopped(target: LiveProcess, caller: Caller): number {
    const { pid } = target;
    const role = this.#roleFor(target, caller);
    try {
      return this.#stillIts(target, JOBS.openMemory({ pid, role }));
    } catch (error) {
      const tid = this.#otherThread(target, caller, error);
      return tid === undefined ? -1 : this.#stillIts(target, JOBS.openMemory({ pid, role, tid }));
    }
  }

  *#openElsewhere(target: LiveProcess, caller: Caller): Steps<number> {
    const { pid } = target;
    const role = this.#roleFor(target, caller);
    try {
      return yield* step(this.#elsewhere.do(target, caller, "openMemory", { pid, role }));
    } catch (error) {
      const tid = this.#otherThread(target, caller, error);
      return tid === undefined ? -1 : yield* step(this.#elsewhere.do(target, caller, "openMemory", { pid, role, tid }));
    }
  }

  /** The job names the process by its number. Takes the descriptor. ESRCH. */
  #stillIts(target: LiveProcess, fd: number): number {
    if (target.alive()) return fd;
    libcClose(fd);
    throw new Errno("ESRCH", `process ${target.pid} has exited`);
  }

  /** The thread to try where the process itself could not be opened: the first one may have left while others go on. */
  #otherThread(target: LiveProcess, caller: Caller, failure: unknown): number | undefined {
    if (isErrno(failure, "EACCES", "EPERM")) throw this.#refusal(target, caller);
    if (!isErrno(failure, "ENOENT", "ESRCH")) throw failure;
    if (!target.isZombie()) throw new Errno("ESRCH", `process ${target.pid} has exited`);
    return threadsOf(target.pid)[0];
  }

  /**
   * The kernel lets every thread of a process at its own memory: for the daemon that would be the daemon's thread. Linux 6.1
   * opens the memory of a kernel thread as well, which has none.
   */
  #roleFor(target: LiveProcess, caller: Caller) {
    if (target.isKernelThread()) throw new Errno("EPERM", `${target.pid} is a kernel thread`);
    if (target.pid === process.pid && !this.#identity.isOwn(caller)) throw this.#refusal(target, caller);
    return this.#identity.roleOf(caller);
  }

  #judge(target: LiveProcess, caller: Caller, fd: number): void {
    if (fd >= 0) libcClose(fd);
    else if (!this.#identity.isOwn(caller) && caller.uid !== target.owner().uid) throw this.#refusal(target, caller);
  }

  #refusal(target: LiveProcess, caller: Caller): Errno {
    return new Errno("EPERM", `the kernel refuses uid ${caller.uid} to debug process ${target.pid}`);
  }
}
