import type { Arch, SyscallAbi } from "../abi/arch/arch.ts";
import {
  BPF_ALU_AND_K,
  BPF_JMP_JA,
  BPF_JMP_JEQ_K,
  BPF_JMP_JGE_K,
  BPF_LD_W_ABS,
  BPF_RET_K,
  SECCOMP_DATA_ARCH,
  SECCOMP_DATA_ARGS,
  SECCOMP_DATA_NR,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_USER_NOTIF,
  SOCK_FILTER_SIZE,
  X32_SYSCALL_BIT,
} from "../abi/seccomp.ts";
import { ERRNO } from "../base/errno.ts";
import { type ArgumentTest, WATCHED_CALLS, type WatchedCall } from "./watched-calls.ts";

/** struct sock_filter of classic BPF. `jt` and `jf` are jumps on true and false, in instructions from the next one. */
interface Instruction {
  readonly code: number;
  readonly jt?: number;
  readonly jf?: number;
  readonly k: number;
}

const load = (offset: number): Instruction => ({ code: BPF_LD_W_ABS, k: offset });
const answer = (action: number): Instruction => ({ code: BPF_RET_K, k: action });
const fail = (errno: number): Instruction => answer(SECCOMP_RET_ERRNO | errno);

/** The instructions of one test: go on when it holds, else skip `skip` instructions. */
function compileTest({ arg, upper, mask, is }: ArgumentTest, skip: number): readonly Instruction[] {
  const word = load(SECCOMP_DATA_ARGS + 8 * arg + (upper ? 4 : 0));
  const masked: Instruction = { code: BPF_ALU_AND_K, k: mask };
  if (is === "none") return [word, masked, { code: BPF_JMP_JEQ_K, jf: skip, k: 0 }];
  if (is === "some") return [word, masked, { code: BPF_JMP_JEQ_K, jt: skip, k: 0 }];
  return "equal" in is
    ? [word, masked, { code: BPF_JMP_JEQ_K, jf: skip, k: is.equal }]
    : [word, masked, { code: BPF_JMP_JEQ_K, jt: skip, k: is.not }];
}

/** How many instructions one test has. */
const TEST_LENGTH = 3;

function compileCall({ when, decode }: WatchedCall): readonly Instruction[] {
  const action = "errno" in decode ? fail(decode.errno) : answer(SECCOMP_RET_USER_NOTIF);
  if (!when) return [action];
  const alternatives = when.flatMap((tests) => [
    // A test that fails skips the rest of this alternative and its answer.
    ...tests.flatMap((test, i) => compileTest(test, (tests.length - 1 - i) * TEST_LENGTH + 1)),
    action,
  ]);
  return [...alternatives, answer(SECCOMP_RET_ALLOW)];
}

/** The part of the filter for one calling convention. `native`: the processor's own one, whose x32 calls are refused. */
function compileAbi(abi: SyscallAbi, native: boolean, repair: boolean): readonly Instruction[] {
  const program: Instruction[] = [load(SECCOMP_DATA_NR)];
  if (native) program.push({ code: BPF_JMP_JGE_K, jf: 1, k: X32_SYSCALL_BIT }, fail(ERRNO.ENOSYS));
  for (const call of WATCHED_CALLS) {
    const number = abi.numbers[call.name];
    if (number === undefined || (call.forRepair && !repair)) continue;
    const body = compileCall(call);
    program.push({ code: BPF_JMP_JEQ_K, jf: body.length, k: number }, ...body);
  }
  program.push(answer(SECCOMP_RET_ALLOW));
  return program;
}

/**
 * The filter as an array of struct sock_filter. Calls that can make a reservation grow go to the listener; clone3 and x32 calls fail with
 * ENOSYS; a calling convention whose numbers are not known ends the process; everything else is allowed. `repair`: sigaction and ptrace
 * attach go to the listener, too, for the repairer of interrupted calls.
 */
export function buildFilter(arch: Arch, repair: boolean = canRepair(arch)): Uint8Array {
  const program: Instruction[] = [];
  for (const [i, abi] of arch.abis.entries()) {
    const body = compileAbi(abi, i === 0, repair);
    // A conditional jump reaches 255 instructions, fewer than the part has; an unconditional one reaches all.
    program.push(load(SECCOMP_DATA_ARCH), { code: BPF_JMP_JEQ_K, jt: 1, k: abi.auditArch });
    program.push({ code: BPF_JMP_JA, k: body.length }, ...body);
  }
  program.push(answer(SECCOMP_RET_KILL_PROCESS));
  return encode(program);
}

/** Whether a tracer can have an interrupted call repeated on this architecture. */
export const canRepair = (arch: Arch): boolean => arch.interrupted.length > 0;

function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * SOCK_FILTER_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [i, { code, jt = 0, jf = 0, k }] of program.entries()) {
    const at = i * SOCK_FILTER_SIZE;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k >>> 0, true);
  }
  return bytes;
}
