import assert from "node:assert/strict";
import { test } from "node:test";
import { ARCHES } from "../abi/arch/all.ts";
import { X86_64 } from "../abi/arch/x86-64.ts";
import { PTRACE_EVENT_STOP, SYSCALL_STOP } from "../abi/ptrace.ts";
import { SIGSEGV, SIGSTOP, SIGSYS, SIGTRAP } from "../abi/signal.ts";
import {
  findInstruction,
  onlySignal,
  passage,
  placeProgram,
  QUIET,
  register,
  registersFor,
  resultOf,
  withSignal,
} from "./remote-call.ts";

const NONE = 0xffff_ffff_ffff_ffffn;

for (const arch of ARCHES) {
  const found = Uint8Array.from({ length: arch.registerSize }, (_, i) => i);

  test(`${arch.machine}: a call changes the registers it needs and no others`, () => {
    const changed = registersFor(arch, found, 0x7000, arch.sysSeccomp, [1, 2, 3]);
    const { call } = arch;
    const expected = new Map<string, bigint>([
      ...call.args.map((name, i) => [name, BigInt([1, 2, 3][i] ?? 0)] as const),
      [arch.programCounter, 0x7000n],
      [call.number, BigInt(arch.sysSeccomp)],
      ...(call.original === undefined ? [] : [[call.original, NONE] as const]),
    ]);
    for (const name of arch.registers) {
      assert.equal(register(arch, changed, name), expected.get(name) ?? register(arch, found, name), name);
    }
    assert.equal(found[0], 0);
  });

  test(`${arch.machine}: the program lies aligned below what the stack is used for`, () => {
    const registers = new Uint8Array(arch.registerSize);
    const top = 0x7fff_1238;
    new DataView(registers.buffer).setBigUint64(8 * arch.registers.indexOf(arch.stackPointer), BigInt(top), true);
    const program = Uint8Array.from({ length: 24 }, (_, i) => i + 1);
    const { address, bytes } = placeProgram(arch, registers, program);
    assert.equal(address % 16, 0);
    assert.ok(address + bytes.length <= top - arch.call.redZone);
    const view = new DataView(bytes.buffer);
    assert.equal(view.getUint16(0, true), 3);
    assert.equal(view.getBigUint64(8, true), BigInt(address + 16));
    assert.deepEqual(bytes.subarray(16), program);
  });
}

test("a result is signed", () => {
  const registers = new Uint8Array(X86_64.registerSize);
  new DataView(registers.buffer).setBigInt64(80, -16n, true);
  assert.equal(resultOf(X86_64, registers), -16);
});

test("the instruction is found wherever it is, and not where half of it is", () => {
  const { instruction } = X86_64.call;
  assert.equal(findInstruction(Uint8Array.of(0x90, 0x0f, 0x0f, 0x05, 0xc3), instruction), 2);
  assert.equal(findInstruction(Uint8Array.of(0x05, 0x0f), instruction), -1);
  assert.equal(findInstruction(Uint8Array.of(0x90, 0x0f, 0x05), instruction), 1);
  assert.equal(findInstruction(Uint8Array.of(0x0f, 0x05), instruction), 0);
  assert.equal(findInstruction(new Uint8Array(), instruction), -1);
});

test("what the kernel raises itself is not blocked, all else is", () => {
  const blocked = (signal: number): boolean => ((QUIET >> BigInt(signal - 1)) & 1n) === 1n;
  const open = Array.from({ length: 64 }, (_, i) => i + 1).filter((signal) => !blocked(signal));
  assert.deepEqual(open, [4, 7, 11, 31]);
  assert.equal(onlySignal(64), 0x7fff_ffff_ffff_ffffn);
  assert.equal(withSignal(0n, 10), 0x200n);
  assert.equal(withSignal(0x201n, 10), 0x201n);
});

test("stops on the way", () => {
  const sent = (): number => 0;
  const raised = (): number => 1;
  assert.equal(passage(SIGTRAP | SYSCALL_STOP, 0, sent), "call");
  assert.equal(passage(SIGTRAP, PTRACE_EVENT_STOP, sent), "trap");
  assert.equal(passage(SIGSTOP, PTRACE_EVENT_STOP, sent), "trap");
  assert.equal(passage(SIGSTOP, 0, sent), "stop");
  assert.equal(passage(SIGSEGV, 0, sent), "keep");
  assert.equal(passage(SIGSYS, 0, raised), "refused");
});

test("a register that the processor does not have is a defect of ours", () => {
  assert.throws(() => register(X86_64, new Uint8Array(X86_64.registerSize), "x0"), /no register x0/);
});
