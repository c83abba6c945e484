/** A system call made in another process's place: what has to be in its registers and its memory. Nothing is done here. */
import type { Arch } from "../abi/arch/arch.ts";
import { SYSCALL_STOP } from "../abi/ptrace.ts";
import { SOCK_FILTER_SIZE } from "../abi/seccomp.ts";
import { SIGBUS, SIGILL, SIGSEGV, SIGSTOP, SIGSYS, SIGTRAP } from "../abi/signal.ts";
import { invariant } from "../base/assert.ts";

const at = (arch: Arch, name: string): number => {
  const index = arch.registers.indexOf(name);
  invariant(index >= 0, `trace/remote-call: no register ${name}`);
  return 8 * index;
};
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

export function register(arch: Arch, registers: Uint8Array, name: string): bigint {
  return view(registers).getBigUint64(at(arch, name), true);
}

/** `registers` with another value of one. */
export function withRegister(arch: Arch, registers: Uint8Array, name: string, value: bigint): Uint8Array {
  const changed = registers.slice();
  view(changed).setBigUint64(at(arch, name), value, true);
  return changed;
}

/** `registers` changed so that the thread makes the call `number` with the instruction at `address`. */
export function registersFor(
  arch: Arch,
  registers: Uint8Array,
  address: number,
  number: number,
  args: readonly number[],
): Uint8Array {
  const changed = registers.slice();
  const set = (name: string, value: bigint): void => view(changed).setBigUint64(at(arch, name), value, true);
  const { call } = arch;
  for (const [i, name] of call.args.entries()) set(name, BigInt(args[i] ?? 0));
  set(arch.programCounter, BigInt(address));
  set(call.number, BigInt(number));
  // Else the kernel, which has interrupted a call here, would make that one again in place of ours.
  if (call.original !== undefined) set(call.original, 0xffff_ffff_ffff_ffffn);
  return changed;
}

/** What the call returned: -errno where it failed. */
export function resultOf(arch: Arch, registers: Uint8Array): number {
  return Number(view(registers).getBigInt64(at(arch, arch.call.result), true));
}

/** Where `instruction` begins in `code`; -1. */
export function findInstruction(code: Uint8Array, instruction: readonly number[]): number {
  for (let i = 0; i + instruction.length <= code.length; i++) {
    if (instruction.every((byte, j) => code[i + j] === byte)) return i;
  }
  return -1;
}

/** struct sock_fprog, linux/filter.h, with the array it points to behind it. */
export interface PlacedProgram {
  readonly address: number;
  readonly bytes: Uint8Array;
}

const FPROG_SIZE = 16;

/** Lays a filter out below what the program uses of its stack. */
export function placeProgram(arch: Arch, registers: Uint8Array, program: Uint8Array): PlacedProgram {
  const top = Number(register(arch, registers, arch.stackPointer)) - arch.call.redZone;
  const address = Math.floor((top - FPROG_SIZE - program.length) / 16) * 16;
  const bytes = new Uint8Array(FPROG_SIZE + program.length);
  view(bytes).setUint16(0, program.length / SOCK_FILTER_SIZE, true);
  view(bytes).setBigUint64(8, BigInt.asUintN(64, BigInt(address + FPROG_SIZE)), true);
  bytes.set(program, FPROG_SIZE);
  return { address, bytes };
}

const bit = (signal: number): bigint => 1n << BigInt(signal - 1);
const ALL = 0xffff_ffff_ffff_ffffn;
/** Raised by the kernel for what a call or an instruction did. Were they blocked, their handlers would be taken away. */
const FORCED = [SIGILL, SIGBUS, SIGSEGV, SIGSYS];

/** The signal mask of a thread that makes a call for us: what comes meanwhile stays pending in the kernel, in order. */
export const QUIET: bigint = FORCED.reduce((mask, signal) => mask & ~bit(signal), ALL);
/** In which nothing is delivered but `signal`. */
export const onlySignal = (signal: number): bigint => ALL & ~bit(signal);
export const withSignal = (mask: bigint, signal: number): bigint => mask | bit(signal);

/**
 * What a stop means on the way through a system call.
 * - `call`: at its entry or at its exit.
 * - `trap`: of job control, or of an interrupt that was on its way: the thread just goes on.
 * - `stop`: SIGSTOP, which cannot be blocked: it is delivered, and its job-control stop takes place afterwards.
 * - `keep`: somebody sent one of those signals that are not blocked.
 * - `refused`: the kernel raised it because the call cannot be made.
 */
export type Passage = "call" | "trap" | "stop" | "keep" | "refused";

/** `code` is asked for the si_code of a signal that is about to be delivered. */
export function passage(signal: number, event: number, code: () => number): Passage {
  if (signal === (SIGTRAP | SYSCALL_STOP)) return "call";
  if (event !== 0) return "trap";
  if (signal === SIGSTOP) return "stop";
  return FORCED.includes(signal) && code() > 0 ? "refused" : "keep";
}
