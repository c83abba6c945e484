/** Why a signal was sent, asm-generic/siginfo.h. */
import {
  SI_KERNEL,
  SIGBUS,
  SIGFPE,
  SIGILL,
  SIGINFO_ADDRESS,
  SIGINFO_CODE,
  SIGINFO_PID,
  SIGINFO_UID,
  SIGSEGV,
  SIGTRAP,
  signalName,
} from "./signal.ts";

/** Names of the codes from 1 on, of signals that an instruction raises: those have an address. */
const FAULTS: ReadonlyMap<number, readonly string[]> = new Map([
  [
    SIGSEGV,
    ["mapping", "access", "bounds", "key", "adi-no", "adi-off", "adi-precise", "tag-late", "tag", "protection"],
  ],
  [SIGBUS, ["alignment", "address", "object", "memory-error", "memory-error-late"]],
  [
    SIGFPE,
    ["divide", "overflow", "float-divide", "float-overflow", "float-underflow", "inexact", "invalid", "subscript"],
  ],
  [
    SIGILL,
    ["opcode", "operand", "addressing", "trap", "privileged-opcode", "privileged-register", "coprocessor", "stack"],
  ],
  [SIGTRAP, ["breakpoint", "trace", "branch", "hardware", "unknown", "perf"]],
]);

/** SI_USER and below: sent by a process, or by the kernel for one. */
const SENT: ReadonlyMap<number, string> = new Map([
  [0, "user"],
  [-1, "queue"],
  [-2, "timer"],
  [-3, "message"],
  [-4, "async-io"],
  [-5, "sigio"],
  [-6, "tkill"],
]);
const FROM_PROCESS = new Set([0, -1, -6]);

/** `11 segv addr 0x0 code mapping` or `10 usr1 code user from 812 uid 1000`; `info` is a siginfo_t, undefined where there is none. */
export function describeSignal(signal: number, info: Uint8Array | undefined): string {
  const begin = `${signal} ${signalName(signal)}`;
  if (!info) return begin;
  const view = new DataView(info.buffer, info.byteOffset, info.length);
  const code = view.getInt32(SIGINFO_CODE, true);
  const fault = code > 0 ? FAULTS.get(signal)?.[code - 1] : undefined;
  if (fault !== undefined)
    return `${begin} addr 0x${view.getBigUint64(SIGINFO_ADDRESS, true).toString(16)} code ${fault}`;
  const name = SENT.get(code) ?? (code === SI_KERNEL ? "kernel" : String(code));
  if (!FROM_PROCESS.has(code)) return `${begin} code ${name}`;
  return `${begin} code ${name} from ${view.getInt32(SIGINFO_PID, true)} uid ${view.getUint32(SIGINFO_UID, true)}`;
}
