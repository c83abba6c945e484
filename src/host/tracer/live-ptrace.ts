import type { Arch } from "../../core/abi/arch/arch.ts";
import {
  PTRACE_CONT,
  PTRACE_DETACH,
  PTRACE_GET_SYSCALL_INFO,
  PTRACE_GETEVENTMSG,
  PTRACE_GETREGSET,
  PTRACE_INTERRUPT,
  PTRACE_O_TRACECLONE,
  PTRACE_O_TRACEEXEC,
  PTRACE_O_TRACEFORK,
  PTRACE_O_TRACESYSGOOD,
  PTRACE_O_TRACEVFORK,
  PTRACE_O_TRACEVFORKDONE,
  PTRACE_SEIZE,
  PTRACE_SETOPTIONS,
  PTRACE_SETREGSET,
  PTRACE_SINGLESTEP,
  PTRACE_SYSCALL,
  SYSCALL_INFO,
} from "../../core/abi/ptrace.ts";
import { SIGTRAP } from "../../core/abi/signal.ts";
import { statusField } from "../../core/abi/text/status.ts";
import type { Tid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { CallStop, PtracePort, Resume } from "../../core/trace/ptrace-port.ts";
import { attempt } from "../../core/trace/thread-set.ts";
import { check, lastErrno } from "../linux/ffi/call.ts";
import { addressOf, libcPidfdSendSignal, libcPtrace, libcPtraceNumber } from "../linux/ffi/libc.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { promptText } from "../linux/proc-file.ts";
import { allThreadsOf, threadsOf } from "../linux/threads.ts";
import type { SeizeWatch } from "./seize-watch.ts";

const OPTIONS = PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD;
/** Asked for besides where there are breakpoints, which are in the memory of children, too. */
const FORK_OPTIONS = OPTIONS | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE;
const REQUEST: Record<Resume, number> = {
  run: PTRACE_CONT,
  step: PTRACE_SINGLESTEP,
  off: PTRACE_SINGLESTEP,
  call: PTRACE_SYSCALL,
};

const SOON_MS = 0.2;

const message = Buffer.alloc(8);
const callInfo = Buffer.alloc(SYSCALL_INFO.size);
const iovec = Buffer.alloc(16);

/** ptrace(2) on the threads of one process, from the thread that calls. */
export class LivePtrace implements PtracePort {
  readonly #process: LiveProcess;
  readonly #watch: SeizeWatch;
  readonly #expect: (tid: Tid) => void;
  #options = OPTIONS;
  #ranAt = 0;
  /** It has come to a breakpoint as soon as it ran, and may so again. */
  #comesSoon = false;

  /** `expect` is told of a thread whose next stop is due in some microseconds. */
  constructor(process: LiveProcess, watch: SeizeWatch, expect: (tid: Tid) => void = () => {}) {
    this.#process = process;
    this.#watch = watch;
    this.#expect = expect;
  }

  /** A thread has come to a breakpoint. */
  hasTrapped(): void {
    this.#comesSoon = performance.now() - this.#ranAt < SOON_MS;
  }

  seize(tid: Tid): boolean {
    const error = this.#watch.during(this.#process, () =>
      libcPtraceNumber(PTRACE_SEIZE, tid, 0, this.#options) === 0 ? undefined : lastErrno(`attach to thread ${tid}`),
    );
    if (!error) return true;
    // The kernel says EPERM, too, for a thread that has just exited or that it took along with the one that made it.
    if (error.code !== "EPERM") throw error;
    if (!this.threads().includes(tid)) throw new Errno("ESRCH", `thread ${tid} has exited`);
    if (this.#isOurs(tid)) return false;
    throw error;
  }

  /** Threads we trace, dead ones not yet collected included. */
  traced(): readonly Tid[] {
    return allThreadsOf(this.#process.pid).filter((tid) => this.#isOurs(tid));
  }

  #isOurs(tid: Tid): boolean {
    try {
      return this.#status(tid, "TracerPid") === String(process.pid);
    } catch (error) {
      if (!isErrno(error, "ENOENT", "ESRCH")) throw error;
      return false;
    }
  }

  hasPendingTrap(tid: Tid): boolean {
    const pending = BigInt(`0x${this.#status(tid, "SigPnd")}`);
    return ((pending >> BigInt(SIGTRAP - 1)) & 1n) === 1n;
  }

  #status(tid: Tid, field: string): string {
    return statusField(promptText(this.#process.pid, "status", tid), field);
  }

  /** These stopped threads, those they make and those seized from now on stop where they have made a process. */
  reportForks(tids: readonly Tid[]): void {
    this.#options = FORK_OPTIONS;
    for (const tid of tids) {
      // One that was killed a moment ago makes no process any more.
      attempt(() => check(libcPtraceNumber(PTRACE_SETOPTIONS, tid, 0, FORK_OPTIONS), `options of thread ${tid}`));
    }
  }

  interrupt(tid: Tid): void {
    check(libcPtraceNumber(PTRACE_INTERRUPT, tid, 0, 0), `interrupt ${tid}`);
  }

  resume(tid: Tid, how: Resume, signal: number): void {
    check(libcPtraceNumber(REQUEST[how], tid, 0, signal), `${how} ${tid}`);
    if (how === "run") this.#ranAt = performance.now();
    if (how === "off" || (how === "run" && this.#comesSoon)) this.#expect(tid);
  }

  detach(tid: Tid, signal: number): void {
    check(libcPtraceNumber(PTRACE_DETACH, tid, 0, signal), `detach ${tid}`);
  }

  callStop(tid: Tid): CallStop | undefined {
    callInfo.fill(0);
    if (libcPtrace(PTRACE_GET_SYSCALL_INFO, tid, SYSCALL_INFO.size, callInfo) < 0) return undefined;
    const op = callInfo[SYSCALL_INFO.op];
    if (op === SYSCALL_INFO.exit) return { at: "leave", result: callInfo.readBigInt64LE(SYSCALL_INFO.result) };
    if (op !== SYSCALL_INFO.entry) return undefined;
    const args = Array.from({ length: 6 }, (_, i) => callInfo.readBigUInt64LE(SYSCALL_INFO.args + 8 * i));
    return { at: "enter", number: Number(callInfo.readBigUInt64LE(SYSCALL_INFO.number)), args };
  }

  eventMessage(tid: Tid): number {
    check(libcPtrace(PTRACE_GETEVENTMSG, tid, 0, message), `event of ${tid}`);
    return message.readUInt32LE(0);
  }

  threads(): readonly Tid[] {
    return threadsOf(this.#process.pid);
  }

  kill(signal: number): void {
    check(libcPidfdSendSignal(this.#process.dirfd(), signal, null, 0), `signal ${signal}`);
  }
}

/** Returns how many bytes there were: fewer for a thread that runs 32-bit code. */
function regset(request: number, tid: Tid, note: number, registers: Uint8Array): number {
  iovec.writeBigUInt64LE(BigInt(addressOf(registers)), 0);
  iovec.writeBigUInt64LE(BigInt(registers.length), 8);
  check(libcPtrace(request, tid, note, iovec), `registers of thread ${tid}`);
  return Number(iovec.readBigUInt64LE(8));
}

/** Whether a stopped thread runs the code this architecture's layout describes, and not that of its 32-bit sibling. */
export function isNative(tid: Tid, arch: Arch): boolean {
  return sizedRegisters(tid, arch).length === arch.registerSize;
}

/** As many bytes as the thread has: fewer than its sibling's where it runs 32-bit code. In a fresh buffer. ESRCH when it is not stopped. */
export function sizedRegisters(tid: Tid, arch: Arch): Uint8Array {
  const registers = new Uint8Array(arch.registerSize);
  return registers.subarray(0, regset(PTRACE_GETREGSET, tid, arch.ntPrstatus, registers));
}

/** The general registers of a stopped thread, a fresh buffer in the kernel's layout. ESRCH when it is not stopped. */
export function getRegisters(tid: Tid, arch: Arch): Uint8Array {
  return getRegisterSet(tid, arch.ntPrstatus, arch.registerSize);
}

/** Sets them all; the kernel filters privileged bits. EIO for values it refuses. */
export function setRegisters(tid: Tid, arch: Arch, registers: Uint8Array): void {
  setRegisterSet(tid, arch.ntPrstatus, registers);
}

/** Any set, of so many bytes, by its note type. */
export function getRegisterSet(tid: Tid, note: number, size: number): Uint8Array {
  const registers = new Uint8Array(size);
  regset(PTRACE_GETREGSET, tid, note, registers);
  return registers;
}

/** EINVAL, EIO for values that cannot be. */
export function setRegisterSet(tid: Tid, note: number, registers: Uint8Array): void {
  regset(PTRACE_SETREGSET, tid, note, registers);
}
