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
    for (const name of arch.dwarf.registers) assert.ok(arch.registers.includes(name), name);
    assert.equal(arch.dwarf.registers[arch.dwarf.stackPointer], arch.stackPointer);
    assert.equal(arch.dwarf.registers[arch.dwarf.programCounter], arch.programCounter);
  });
}

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
