import type { Arch } from "../../core/abi/arch/arch.ts";
import { AT_SYSINFO_EHDR, auxiliaryValue } from "../../core/abi/auxv.ts";
import { PR_SET_NO_NEW_PRIVS } from "../../core/abi/prctl.ts";
import {
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  SECCOMP_SET_MODE_FILTER,
} from "../../core/abi/seccomp.ts";
import { Errno, errnoName } from "../../core/base/errno.ts";
import { findInstruction, placeProgram, register } from "../../core/trace/remote-call.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import type { Steps } from "../../core/vfs/steps.ts";
import { libcClose } from "../linux/ffi/libc.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import type { LiveMemory } from "../linux/memory.ts";
import { tryKillableNotify } from "../linux/probes.ts";
import { waitingText } from "../linux/proc-file.ts";
import type { Job } from "./borrowing.ts";
import { DescriptorTaker } from "./descriptor-taker.ts";
import {
  differing,
  filtersOf,
  listening,
  mayInstall,
  refuseFilteredCalls,
  refuseUnfitProgram,
} from "./filter-checks.ts";
import type { LiveThread } from "./live-thread.ts";
import { Patches } from "./patches.ts";
import type { RemoteThread } from "./remote-thread.ts";

/** struct rseq's rseq_cs. */
const SECTION_BYTES = 8;
const VDSO_BYTES = 2 * 4096;
/** Whether a thread that waits for an answer can be made to wait through signals: asked once. */
let killable: boolean | undefined;

function installFlags(sysSeccomp: number): number {
  if (killable === undefined) {
    try {
      tryKillableNotify(sysSeccomp);
      killable = true;
    } catch {
      killable = false;
    }
  }
  const always =
    SECCOMP_FILTER_FLAG_TSYNC |
    SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
    SECCOMP_FILTER_FLAG_NEW_LISTENER |
    SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  return killable ? always | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : always;
}

export interface FilterRequest {
  readonly target: LiveProcess;
  readonly caller: Caller;
  /** An array of struct sock_filter. */
  readonly program: Uint8Array;
  readonly arch: Arch;
  readonly memory: LiveMemory;
  /** Gets the listener, whose it is from then on. */
  readonly owner: (listener: number) => void;
}

/** Lets a process put itself under a filter, and takes the listener: what is done with a thread that was lent for it. */
export class FilterInstallation implements Job<number> {
  readonly #request: FilterRequest;
  #address = 0;
  #filters: readonly Uint8Array[] = [];

  constructor(request: FilterRequest) {
    this.#request = request;
    refuseUnfitProgram(request.program, request.arch);
  }

  check(thread: LiveThread): void {
    const { target, arch } = this.#request;
    if (!thread.isNative()) throw new Errno("EOPNOTSUPP", `process ${target.pid} is a 32-bit program`);
    this.#filters = filtersOf(target.pid, thread, arch);
  }

  done(listener: number): void {
    this.#request.owner(listener);
  }

  *run(remote: RemoteThread, thread: LiveThread, abandoned: () => boolean): Steps<number> {
    const { target, caller, memory } = this.#request;
    // Opened as the caller: the kernel has its say once more, now that nothing can change any more.
    const space = memory.openStopped(target, caller);
    const patches = new Patches(space, memory.top);
    let taker: DescriptorTaker | undefined;
    try {
      taker = new DescriptorTaker(target.pid, thread.tid);
      const section = thread.restartableSection();
      if (section > 0) yield* patches.keep(section, SECTION_BYTES);
      const fd = yield* this.#install(remote, thread, patches, abandoned);
      return yield* this.#fetch(remote, fd, taker);
    } finally {
      yield* patches.restore();
      space.close();
      taker?.close();
    }
  }

  /** The listener's number in the target. */
  *#install(remote: RemoteThread, thread: LiveThread, patches: Patches, abandoned: () => boolean): Steps<number> {
    const { target, program, arch } = this.#request;
    const { pid } = target;
    const placed = placeProgram(arch, remote.registers, program);
    const seccomp = [SECCOMP_SET_MODE_FILTER, installFlags(arch.sysSeccomp), placed.address];
    const privileges = [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0];
    this.#address = yield* this.#instruction(remote, patches);
    refuseFilteredCalls(pid, this.#filters, arch, this.#address, [
      { number: arch.call.sysPrctl, args: privileges },
      { number: arch.sysSeccomp, args: seccomp },
      { number: arch.call.sysClose, args: [0] },
    ]);
    yield* patches.put(placed.address, placed.bytes);
    if (abandoned()) throw new Errno("EINTR", "nobody waits for it any more");
    if (!mayInstall(thread)) {
      const result = yield* remote.call(this.#address, arch.call.sysPrctl, privileges);
      if (result < 0) throw new Errno(errnoName(-result), `no_new_privs of process ${pid}`);
    }
    const fd = yield* remote.call(this.#address, arch.sysSeccomp, seccomp);
    if (fd >= 0) return fd;
    const code = errnoName(-fd);
    if (code === "EBUSY") throw listening(pid);
    if (code === "ESRCH") throw differing(pid);
    if (code === "EACCES") throw new Errno("EPERM", `the kernel lets process ${pid} install no filter`);
    if (code === "EMFILE") throw new Errno("EMFILE", `process ${pid} has no descriptor left for the listener`);
    throw new Errno(code, `the kernel does not take the filter for process ${pid}`);
  }

  /** Our copy of the listener; the target's own is closed, or its calls would wait for ever if we died. */
  *#fetch(remote: RemoteThread, fd: number, taker: DescriptorTaker): Steps<number> {
    const { arch } = this.#request;
    const listener = yield* taker.take(fd);
    try {
      yield* remote.call(this.#address, arch.call.sysClose, [fd]);
      return listener;
    } catch (error) {
      libcClose(listener);
      throw error;
    }
  }

  /** Where the target has the instruction: before its program counter, in the kernel's own code, or put there for now. */
  *#instruction(remote: RemoteThread, patches: Patches): Steps<number> {
    const { target, arch } = this.#request;
    const { instruction } = arch.call;
    const pc = Number(register(arch, remote.registers, arch.programCounter));
    const before = yield* patches.look(pc - instruction.length, instruction.length);
    if (findInstruction(before, instruction) === 0) return pc - instruction.length;
    const vdso = kernelCode(target);
    const found = vdso === undefined ? -1 : findInstruction(yield* patches.look(vdso, VDSO_BYTES), instruction);
    if (vdso !== undefined && found >= 0) return vdso + found;
    yield* patches.put(pc, Uint8Array.from(instruction));
    return pc;
  }
}

/** Where the kernel's own code is mapped. All threads are stopped: nothing holds the look up. */
function kernelCode(target: LiveProcess): number | undefined {
  const vector = waitingText(target.pid, "auxv");
  return auxiliaryValue(Buffer.from(vector, "latin1"), AT_SYSINFO_EHDR);
}
