import type { Arch } from "../../core/abi/arch/arch.ts";
import {
  PTRACE_CONT,
  PTRACE_GET_RSEQ_CONFIGURATION,
  PTRACE_GETSIGINFO,
  PTRACE_GETSIGMASK,
  PTRACE_INTERRUPT,
  PTRACE_RSEQ_CONFIGURATION_SIZE,
  PTRACE_SECCOMP_GET_FILTER,
  PTRACE_SETSIGMASK,
  PTRACE_SYSCALL,
  RSEQ_CS,
} from "../../core/abi/ptrace.ts";
import { SOCK_FILTER_SIZE } from "../../core/abi/seccomp.ts";
import { SIGINFO_CODE, SIGINFO_SIZE } from "../../core/abi/signal.ts";
import { statusMask } from "../../core/abi/text/status.ts";
import type { Tid } from "../../core/base/brand.ts";
import { ERRNO } from "../../core/base/errno.ts";
import { check } from "../linux/ffi/call.ts";
import { errnoNow, libcPtrace, libcPtraceNumber } from "../linux/ffi/libc.ts";
import { promptText } from "../linux/proc-file.ts";
import { getRegisters, isNative, setRegisters } from "./live-ptrace.ts";

const REQUEST = { run: PTRACE_CONT, syscall: PTRACE_SYSCALL };
const SIGSET_SIZE = 8;
const sigset = Buffer.alloc(SIGSET_SIZE);
const siginfo = Buffer.alloc(SIGINFO_SIZE);
const rseq = Buffer.alloc(PTRACE_RSEQ_CONFIGURATION_SIZE);

/** ptrace(2) on one stopped thread, as far as making calls in its place goes. ESRCH when it has been killed. */
export class LiveThread {
  readonly tid: Tid;
  readonly #arch: Arch;

  constructor(tid: Tid, arch: Arch) {
    this.tid = tid;
    this.#arch = arch;
  }

  isNative(): boolean {
    return isNative(this.tid, this.#arch);
  }

  registers(): Uint8Array {
    return getRegisters(this.tid, this.#arch);
  }

  setRegisters(registers: Uint8Array): void {
    setRegisters(this.tid, this.#arch, registers);
  }

  signalMask(): bigint {
    check(libcPtrace(PTRACE_GETSIGMASK, this.tid, SIGSET_SIZE, sigset), `signal mask of thread ${this.tid}`);
    return sigset.readBigUInt64LE(0);
  }

  setSignalMask(mask: bigint): void {
    sigset.writeBigUInt64LE(mask, 0);
    check(libcPtrace(PTRACE_SETSIGMASK, this.tid, SIGSET_SIZE, sigset), `signal mask of thread ${this.tid}`);
  }

  /** si_code of the signal about to be delivered. */
  signalCode(): number {
    return this.signalInfo().readInt32LE(SIGINFO_CODE);
  }

  /** siginfo_t of the signal about to be delivered, until the next call. */
  signalInfo(): Buffer {
    check(libcPtrace(PTRACE_GETSIGINFO, this.tid, 0, siginfo), `signal of thread ${this.tid}`);
    return siginfo;
  }

  isPending(signal: number): boolean {
    const text = this.status();
    const pending = statusMask(text, "SigPnd") | statusMask(text, "ShdPnd");
    return ((pending >> BigInt(signal - 1)) & 1n) === 1n;
  }

  /** Its status file: /proc/TID serves every thread, though it lists none. */
  status(): string {
    return promptText(this.tid, "status");
  }

  interrupt(): void {
    check(libcPtraceNumber(PTRACE_INTERRUPT, this.tid, 0, 0), `interrupt ${this.tid}`);
  }

  resume(how: "run" | "syscall", signal: number): void {
    check(libcPtraceNumber(REQUEST[how], this.tid, 0, signal), `${how} ${this.tid}`);
  }

  /**
   * Where the thread keeps the restartable section it is in, rseq(2): the kernel clears that when it sees the thread
   * outside of it. 0 when it has none, or before Linux 5.13.
   */
  restartableSection(): number {
    if (libcPtrace(PTRACE_GET_RSEQ_CONFIGURATION, this.tid, rseq.length, rseq) < 0) return 0;
    const area = Number(rseq.readBigUInt64LE(0));
    return area === 0 ? 0 : area + RSEQ_CS;
  }

  /** The seccomp filters it is under, latest first. EACCES unless we have CAP_SYS_ADMIN and no filter ourselves. */
  filters(): readonly Uint8Array[] {
    const filters: Uint8Array[] = [];
    for (;;) {
      const length = libcPtrace(PTRACE_SECCOMP_GET_FILTER, this.tid, filters.length, null);
      if (length < 0 && errnoNow() === ERRNO.ENOENT) return filters;
      const filter = Buffer.alloc(check(length, `filter of thread ${this.tid}`) * SOCK_FILTER_SIZE);
      check(libcPtrace(PTRACE_SECCOMP_GET_FILTER, this.tid, filters.length, filter), `filter of thread ${this.tid}`);
      filters.push(filter);
    }
  }
}
