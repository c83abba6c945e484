import type { Arch } from "../../core/abi/arch/arch.ts";
import {
  DEBUG_CONTROL,
  DEBUG_MATCHED,
  DEBUG_REGISTERS,
  DEBUG_STATUS,
  debugControl,
} from "../../core/abi/arch/debug-registers.ts";
import { PTRACE_PEEKUSER, PTRACE_POKEUSER } from "../../core/abi/ptrace.ts";
import type { Tid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import type { WatchSlot } from "../../core/trace/code-port.ts";
import { check } from "../linux/ffi/call.ts";
import { libcPtraceNumber } from "../linux/ffi/libc.ts";

/** The debug registers of stopped threads. All methods throw ESRCH for one that was killed. */
export class DebugRegisters {
  readonly #offset: number | undefined;
  /** How many things a thread can watch. */
  readonly count: number;

  constructor({ debugRegisters }: Arch) {
    this.#offset = debugRegisters?.offset;
    this.count = debugRegisters?.addresses ?? 0;
  }

  #at(register: number): number {
    if (this.#offset === undefined)
      throw new Errno("EOPNOTSUPP", "the debug registers of this processor are not known");
    return this.#offset + 8 * register;
  }

  #set(tid: Tid, register: number, value: number): void {
    check(
      libcPtraceNumber(PTRACE_POKEUSER, tid, this.#at(register), value),
      `debug register ${register} of thread ${tid}`,
    );
  }

  /** EINVAL for what the processor cannot watch, ENOSPC where somebody else has its registers. */
  set(tid: Tid, slots: readonly WatchSlot[]): void {
    // While it is on an address may not change.
    this.#set(tid, DEBUG_CONTROL, 0);
    for (const [i, { address }] of slots.entries()) this.#set(tid, i, address);
    if (slots.length > 0) this.#set(tid, DEBUG_CONTROL, debugControl(slots));
  }

  /** Which of them have matched since they were asked last. */
  matched(tid: Tid): number[] {
    const status = libcPtraceNumber(PTRACE_PEEKUSER, tid, this.#at(DEBUG_STATUS), 0) & DEBUG_MATCHED;
    if (status !== 0) this.#set(tid, DEBUG_STATUS, 0);
    return Array.from({ length: this.count }, (_, i) => i).filter((i) => (status & (1 << i)) !== 0);
  }

  /** All of them, 64-bit words in order. EOPNOTSUPP where they are not known. */
  bytes(tid: Tid): Uint8Array {
    const bytes = Buffer.alloc(8 * DEBUG_REGISTERS);
    for (let i = 0; i < DEBUG_REGISTERS; i++) {
      bytes.writeBigInt64LE(BigInt(libcPtraceNumber(PTRACE_PEEKUSER, tid, this.#at(i), 0)), 8 * i);
    }
    return bytes;
  }
}
