/**
 * What a seccomp filter would answer: classic BPF over struct seccomp_data, with the instructions that seccomp allows,
 * linux/filter.h. For looking before a call is made in another process's place, where a wrong guess may kill it.
 */
import { Errno } from "../base/errno.ts";
import {
  SECCOMP_DATA_ARCH,
  SECCOMP_DATA_ARGS,
  SECCOMP_DATA_IP,
  SECCOMP_DATA_NR,
  SECCOMP_DATA_SIZE,
  SOCK_FILTER_SIZE,
} from "./seccomp.ts";

/** A system call about to be made. */
export interface CallFacts {
  readonly auditArch: number;
  readonly number: number;
  /** Behind the instruction. */
  readonly programCounter: number;
  readonly args: readonly number[];
}

/** struct seccomp_data. */
export function encodeCall({ auditArch, number, programCounter, args }: CallFacts): Uint8Array {
  const bytes = new Uint8Array(SECCOMP_DATA_SIZE);
  const view = new DataView(bytes.buffer);
  view.setInt32(SECCOMP_DATA_NR, number, true);
  view.setUint32(SECCOMP_DATA_ARCH, auditArch, true);
  view.setBigUint64(SECCOMP_DATA_IP, BigInt(programCounter), true);
  for (const [i, arg] of args.entries()) view.setBigUint64(SECCOMP_DATA_ARGS + 8 * i, BigInt(arg), true);
  return bytes;
}

const CLASS = 0x07;
const SOURCE_X = 0x08;
const OPERATION = 0xf0;
const MODE = 0xe0;
const SCRATCH_WORDS = 16;
const DIVIDE = 0x30;

const MODES = { imm: 0x00, abs: 0x20, mem: 0x60, len: 0x80 };

function arithmetic(operation: number, a: number, b: number): number {
  switch (operation) {
    case 0x00:
      return a + b;
    case 0x10:
      return a - b;
    case 0x20:
      return Math.imul(a, b);
    case DIVIDE:
      return a / b;
    case 0x40:
      return a | b;
    case 0x50:
      return a & b;
    case 0x60:
      return a << b;
    case 0x70:
      return a >>> b;
    case 0x80:
      return -a;
    case 0xa0:
      return a ^ b;
    default:
      throw unknown();
  }
}

function holds(operation: number, a: number, b: number): boolean {
  switch (operation) {
    case 0x10:
      return a === b;
    case 0x20:
      return a > b;
    case 0x30:
      return a >= b;
    case 0x40:
      return (a & b) !== 0;
    default:
      throw unknown();
  }
}

const unknown = (): Errno => new Errno("EPROTO", "a filter with an instruction that seccomp does not have");

/** The 32-bit answer of `program`, an array of struct sock_filter. EPROTO for one that the kernel would not take. */
export function answerOf(program: Uint8Array, data: Uint8Array): number {
  const code = new DataView(program.buffer, program.byteOffset, program.length);
  const input = new DataView(data.buffer, data.byteOffset, data.length);
  const scratch = new Uint32Array(SCRATCH_WORDS);
  let a = 0;
  let x = 0;
  const loaded = (op: number, k: number): number => {
    switch (op & MODE) {
      case MODES.imm:
        return k;
      case MODES.abs:
        return input.getUint32(k, true);
      case MODES.mem:
        return scratch[k] ?? 0;
      case MODES.len:
        return data.length;
      default:
        throw unknown();
    }
  };
  for (let at = 0; at + SOCK_FILTER_SIZE <= program.length; at += SOCK_FILTER_SIZE) {
    const op = code.getUint16(at, true);
    const k = code.getUint32(at + 4, true);
    const operand = op & SOURCE_X ? x : k;
    switch (op & CLASS) {
      case 0x00:
        a = loaded(op, k);
        break;
      case 0x01:
        x = loaded(op, k);
        break;
      case 0x02:
        scratch[k] = a;
        break;
      case 0x03:
        scratch[k] = x;
        break;
      case 0x04:
        // The kernel ends a program that divides by 0, with this answer.
        if ((op & OPERATION) === DIVIDE && operand === 0) return 0;
        a = arithmetic(op & OPERATION, a, operand) >>> 0;
        break;
      case 0x05: {
        const skip = (op & OPERATION) === 0 ? k : code.getUint8(at + (holds(op & OPERATION, a, operand) ? 2 : 3));
        at += skip * SOCK_FILTER_SIZE;
        break;
      }
      case 0x06:
        return (op & 0x18) === 0x10 ? a : k;
      case 0x07:
        if ((op & 0x80) !== 0) a = x;
        else x = a;
        break;
    }
  }
  throw unknown();
}

/** Whether some path through `program` may return `action`, as far as its constants tell. */
export function mayAnswer(program: Uint8Array, action: number, mask: number): boolean {
  const code = new DataView(program.buffer, program.byteOffset, program.length);
  for (let at = 0; at + SOCK_FILTER_SIZE <= program.length; at += SOCK_FILTER_SIZE) {
    if (code.getUint16(at, true) === 0x06 && (code.getUint32(at + 4, true) & mask) >>> 0 === action) return true;
  }
  return false;
}
