import type { Arch } from "../../core/abi/arch/arch.ts";
import {
  PTRACE_CONT,
  PTRACE_DETACH,
  PTRACE_INTERRUPT,
  PTRACE_LISTEN,
  PTRACE_O_TRACECLONE,
  PTRACE_O_TRACEEXEC,
  PTRACE_O_TRACEFORK,
  PTRACE_SEIZE,
} from "../../core/abi/ptrace.ts";
import { statusField, statusNumbers } from "../../core/abi/text/status.ts";
import type { Pid, Tid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { RepairPort } from "../../core/trace/repair-tracees.ts";
import type { CallRepair } from "../../core/trace/restart.ts";
import { check, lastErrno } from "../linux/ffi/call.ts";
import { libcPtraceNumber, libcTgkill } from "../linux/ffi/libc.ts";
import { promptText } from "../linux/proc-file.ts";
import { allThreadsOf } from "../linux/threads.ts";
import { repeatCall } from "../tracer/repeat-call.ts";

/**
 * Not PTRACE_O_TRACEVFORK: a vfork child execs at once, or has no handlers (posix_spawn); to seize it would cost three stops (decision
 * 014).
 */
const OPTIONS = PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;

const statusOf = (tid: number): string => promptText(tid, "status");

/** ptrace(2), called by the main thread of the repairer only: a tracee belongs to a thread. A failed request is thrown as Errno. */
export class RepairPtrace implements RepairPort {
  readonly #arch: Arch;
  readonly #repair: CallRepair;
  /** How many interrupted calls were repeated. */
  repaired = 0;

  constructor(arch: Arch, repair: CallRepair) {
    this.#arch = arch;
    this.#repair = repair;
  }

  seize(tid: number): void {
    if (libcPtraceNumber(PTRACE_SEIZE, tid, 0, OPTIONS) === 0) return;
    const error = lastErrno(`seize thread ${tid}`);
    // The kernel returns EPERM, too, for a thread that has just exited.
    if (error.code === "EPERM" && this.#isGone(tid)) throw new Errno("ESRCH", `thread ${tid} has exited`);
    throw error;
  }

  #isGone(tid: number): boolean {
    return /^[ZX]/.test(this.#field(tid, "State") ?? "Z");
  }

  isOurs(tid: number): boolean {
    return this.#field(tid, "TracerPid") === String(process.pid);
  }

  #field(tid: number, name: string): string | undefined {
    try {
      return statusField(statusOf(tid), name);
    } catch (error) {
      if (!isErrno(error, "ENOENT", "ESRCH")) throw error;
      return undefined;
    }
  }

  resume(tid: number, signal: number): void {
    check(libcPtraceNumber(PTRACE_CONT, tid, 0, signal), `continue ${tid}`);
  }

  listen(tid: number): void {
    check(libcPtraceNumber(PTRACE_LISTEN, tid, 0, 0), `listen to ${tid}`);
  }

  interrupt(tid: number): void {
    check(libcPtraceNumber(PTRACE_INTERRUPT, tid, 0, 0), `interrupt ${tid}`);
  }

  detach(tid: number, signal: number): void {
    check(libcPtraceNumber(PTRACE_DETACH, tid, 0, signal), `detach ${tid}`);
  }

  repair(tid: number, signal: number): void {
    if (repeatCall(tid as Tid, this.#arch, this.#repair, signal)) this.repaired++;
  }

  processOf(tid: number): number {
    if (libcTgkill(tid, tid, 0) === 0) return tid;
    try {
      return statusNumbers(statusOf(tid), "Tgid")[0]!;
    } catch (error) {
      if (isErrno(error, "ENOENT")) throw new Errno("ESRCH", `thread ${tid} has exited`, error);
      throw error;
    }
  }

  threads(pid: number): readonly number[] {
    return allThreadsOf(pid as Pid);
  }
}
