import assert from "node:assert/strict";
import { test } from "node:test";
import { ARCHES } from "./all.ts";
import { ARM64 } from "./arm64.ts";
import { X86_64 } from "./x86-64.ts";

for (const arch of ARCHES) {
  test(`${arch.machine}: the register set is its fields and nothing else`, () => {
    assert.equal(arch.registerSize, arch.registers.length * 8);
    assert.equal(new Set(arch.registers).size, arch.registers.length);
    assert.ok(arch.registers.includes(arch.programCounter));
    assert.ok(arch.registers.includes(arch.stackPointer));
    assert.ok(Number.isSafeInteger(arch.userTop));
    let end = 0;
    for (const { name, at, size } of arch.floating.fields) {
      assert.ok(at >= end, name);
      end = at + size;
    }
    assert.ok(end <= arch.floating.size);
    for (const name of arch.dwarf.registers) assert.ok(arch.registers.includes(name), name);
    assert.equal(arch.dwarf.registers[arch.dwarf.stackPointer], arch.stackPointer);
    assert.equal(arch.dwarf.registers[arch.dwarf.programCounter], arch.programCounter);
  });
}

for (const arch of ARCHES) {
  test(`${arch.machine}: a system call can be made with what is told of its convention`, () => {
    const { call } = arch;
    const used = [call.number, ...call.args, call.result, ...(call.original === undefined ? [] : [call.original])];
    for (const name of used) assert.ok(arch.registers.includes(name), name);
    assert.equal(new Set(call.args).size, 6);
    assert.ok(call.instruction.length > 0 && call.instruction.every((byte) => byte >= 0 && byte < 256));
    assert.ok(arch.abis.length > 0);
    assert.equal(new Set(arch.abis.map(({ auditArch }) => auditArch)).size, arch.abis.length);
    for (const { numbers } of arch.abis) {
      assert.equal(new Set(Object.values(numbers)).size, Object.keys(numbers).length, "two calls have one number");
    }
  });

  test(`${arch.machine}: an interrupted call is told by the size of the register set, inside which it lies`, () => {
    const sizes = arch.interrupted.map(({ registerSize }) => registerSize);
    assert.equal(new Set(sizes).size, sizes.length);
    for (const { abi, registerSize, word, number, result, wokenInVain } of arch.interrupted) {
      assert.ok(arch.abis[abi]);
      for (const offset of [number, result])
        assert.ok(offset >= 0 && offset % word === 0 && offset + word <= registerSize);
      assert.ok(wokenInVain.length > 0);
      // close(2) cannot be done twice.
      if (abi === 0) assert.ok(!wokenInVain.includes(arch.call.sysClose));
    }
  });
}

test("the instruction that makes a system call: syscall, svc #0", () => {
  assert.deepEqual(X86_64.call.instruction, [0x0f, 0x05]);
  assert.deepEqual(ARM64.call.instruction, [0x01, 0x00, 0x00, 0xd4]);
});

/** What `offsetof` answers on an arm64 host: struct user_pt_regs is regs[31], sp, pc, pstate. */
test("aarch64: offsets as arm64 asm/ptrace.h lays them out", () => {
  const offset = (name: string): number => 8 * ARM64.registers.indexOf(name);
  assert.deepEqual(
    ["x0", "x1", "x29", "x30", "sp", "pc", "pstate"].map((name) => [name, offset(name)]),
    [
      ["x0", 0],
      ["x1", 8],
      ["x29", 232],
      ["x30", 240],
      ["sp", 248],
      ["pc", 256],
      ["pstate", 264],
    ],
  );
  assert.equal(ARM64.registerSize, 272);
});

/** The offsets in every x86-64 core dump. */
test("x86_64: offsets as sys/user.h lays them out", () => {
  const offset = (name: string): number => 8 * X86_64.registers.indexOf(name);
  assert.deepEqual(["r15", "rax", "orig_rax", "rip", "rsp", "gs"].map(offset), [0, 80, 120, 128, 152, 208]);
  assert.equal(X86_64.registerSize, 216);
});
