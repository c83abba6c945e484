/** Registers as debuggers count them, from the kernel's sets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ARM64 } from "../abi/arch/arm64.ts";
import { X86_64 } from "../abi/arch/x86-64.ts";
import { ARM64_LAYOUT } from "./arm64.ts";
import { keptValue, registersOf, registerValue } from "./layout.ts";
import { processorBySetSize } from "./layouts.ts";
import { fromGdbSignal, toGdbSignal } from "./signals.ts";
import { formatEnd, formatError, formatStop } from "./stop-reply.ts";
import { targetXml } from "./target-xml.ts";
import { X86_64_LAYOUT } from "./x86-64.ts";
import { abridgeTags, expandTags } from "./x87-tags.ts";

const setsOf = (general: number, floating: number) => ({
  general: Uint8Array.from({ length: general }, (_, i) => i),
  floating: Uint8Array.from({ length: floating }, (_, i) => 255 - (i % 256)),
});

test("the numbers and lengths that gdbserver has, on both processors", () => {
  const x86 = registersOf(X86_64_LAYOUT);
  const numbers = ["rax", "rsp", "rip", "eflags", "cs", "st0", "fctrl", "fop", "xmm0", "mxcsr", "orig_rax", "gs_base"];
  assert.deepEqual(
    numbers.map((name) => x86.findIndex((register) => register.name === name)),
    [0, 7, 16, 17, 18, 24, 32, 39, 40, 56, 57, 59],
  );
  assert.equal(
    x86.reduce((sum, { bits }) => sum + bits / 8, 0),
    17 * 8 + 7 * 4 + 8 * 10 + 8 * 4 + 16 * 16 + 4 + 3 * 8,
  );
  const arm = registersOf(ARM64_LAYOUT);
  assert.deepEqual(
    ["x0", "sp", "pc", "cpsr", "v0", "v31", "fpsr", "fpcr"].map((name) => arm.findIndex((r) => r.name === name)),
    [0, 31, 32, 33, 34, 65, 66, 67],
  );
});

test("a register is where the kernel has it, and goes back there", () => {
  for (const [arch, layout] of [
    [X86_64, X86_64_LAYOUT],
    [ARM64, ARM64_LAYOUT],
  ] as const) {
    const sets = setsOf(arch.registerSize, arch.floating.size);
    for (const register of registersOf(layout)) {
      const value = registerValue(register, sets);
      assert.equal(value.length * 8, register.bits, register.name);
      if (register.tags) continue;
      assert.deepEqual(
        keptValue(register, value),
        sets[register.set].slice(register.at, register.at + register.size),
        register.name,
      );
    }
    assert.equal(processorBySetSize(arch.registerSize)?.layout, layout);
    for (const name of layout.expedited) assert.ok(registersOf(layout).some((register) => register.name === name));
  }
  assert.equal(processorBySetSize(68), undefined);
});

test("the tags of the x87, from what the registers have", () => {
  const floating = new Uint8Array(512);
  const st = (i: number, bytes: readonly number[]): void => floating.set(bytes, 32 + 16 * i);
  // The top is 6: st0 is the physical register 6, st1 the physical 7.
  floating[3] = 6 << 3;
  st(0, [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f]);
  assert.equal(expandTags(0xc0, floating).toString(2).padStart(16, "0"), "0100111111111111");
  st(1, [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x7f]);
  assert.equal(expandTags(0xc0, floating) >> 14, 2);
  assert.equal(expandTags(0, floating), 0xffff);
  for (const bits of [0, 0xff, 0xc0, 1]) assert.equal(abridgeTags(expandTags(bits, floating)), bits);
});

test("the description names every register once, in order", () => {
  for (const layout of [X86_64_LAYOUT, ARM64_LAYOUT]) {
    const xml = targetXml(layout);
    const rows = [...xml.matchAll(/<reg name="(\w+)" bitsize="(\d+)" type="(\w+)" regnum="(\d+)"/g)];
    assert.deepEqual(
      rows.map(([, name, bits, , number]) => [name, Number(bits), Number(number)]),
      registersOf(layout).map(({ name, bits }, i) => [name, bits, i]),
    );
    const known = new Set([...xml.matchAll(/ id="(\w+)"/g)].map(([, id]) => id));
    const builtIn = new Set(["int", "int32", "int64", "data_ptr", "code_ptr", "i387_ext"]);
    for (const [, , , type] of rows) assert.ok(known.has(type) || builtIn.has(type!), type);
  }
});

test("signals by gdb's numbers and back", () => {
  for (let signal = 1; signal <= 64; signal++) {
    if (signal === 16) continue;
    assert.equal(fromGdbSignal(toGdbSignal(signal)), signal);
  }
  assert.deepEqual([0, 5, 7, 10, 11, 12, 19, 34].map(toGdbSignal), [0, 5, 10, 30, 11, 31, 17, 46]);
  assert.equal(toGdbSignal(16), 143);
  assert.deepEqual([0, 7, 143, 200].map(fromGdbSignal), [0, undefined, undefined, undefined]);
});

test("answers", () => {
  assert.equal(
    formatStop({ signal: 5, reasons: [["swbreak", ""]], thread: "p1.2", registers: [[16, Uint8Array.of(0x36, 0x11)]] }),
    "T05swbreak:;10:3611;thread:p1.2;",
  );
  assert.equal(formatEnd({ kind: "exited", value: 7 }, 16, false), "W07");
  assert.equal(formatEnd({ kind: "killed", value: 9 }, 16, true), "X09;process:10");
  assert.equal(formatError(3, "no", false), "E03");
  assert.equal(formatError(3, "no", true), "E03;6e6f");
});
