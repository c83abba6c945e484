/** The unwinder without a process: an ELF object, a stack and registers made of bytes, well-formed and not. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { program } from "../../../test/support/programs.ts";
import { ARM64 } from "../abi/arch/arm64.ts";
import { X86_64 } from "../abi/arch/x86-64.ts";
import { DW_OP } from "../abi/dwarf.ts";
import type { ByteSource } from "./byte-source.ts";
import { ElfImage } from "./elf-image.ts";
import { evaluate } from "./expression.ts";
import { ModuleSymbols } from "./module-symbols.ts";
import type { LoadedModule } from "./modules.ts";
import { type Frame, unwind } from "./unwind.ts";

function sourceOf(bytes: Uint8Array, base = 0): ByteSource {
  return {
    read(at, into) {
      if (!(at >= base && at < base + bytes.length)) return 0;
      const part = bytes.subarray(at - base, at - base + into.length);
      into.set(part);
      return part.length;
    },
  };
}

/** A general register set with these values, the others 0. */
function registers(arch: typeof X86_64, values: Readonly<Record<string, number>>): Uint8Array {
  const bytes = new Uint8Array(arch.registerSize);
  const view = new DataView(bytes.buffer);
  for (const [name, value] of Object.entries(values))
    view.setBigUint64(8 * arch.registers.indexOf(name), BigInt(value), true);
  return bytes;
}

const STACK = 0x7fff_0000_0000;

/** A stack whose words are these, from its lowest address on. */
function stackOf(words: readonly number[]): ByteSource {
  const bytes = new Uint8Array(8 * words.length);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setBigUint64(8 * i, BigInt(word), true);
  return sourceOf(bytes, STACK);
}

/** Pseudo-random numbers below a limit, the same each time. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test("frames without call frame information are followed by the frame pointer, on both processors", () => {
  const memory = stackOf([0, 0, STACK + 32, 0x5000, STACK + 48, 0x6000, 0, 0x7000]);
  const x86 = registers(X86_64, { rip: 0x4000, rsp: STACK, rbp: STACK + 16 });
  assert.deepEqual(
    unwind({ arch: X86_64, bytes: x86 }, memory, []).map(({ pc }) => pc),
    [0x4000, 0x5000, 0x6000, 0x7000],
  );
  const arm = registers(ARM64, { pc: 0x4000, sp: STACK, x29: STACK + 16, x30: 0x4800 });
  assert.deepEqual(
    unwind({ arch: ARM64, bytes: arm }, memory, []).map(({ pc }) => pc),
    [0x4000, 0x5000, 0x6000, 0x7000],
  );
});

test("a signature above a return address is taken off", () => {
  const memory = sourceOf(new Uint8Array(new BigUint64Array([0n, 0n, 0n, (0x1234n << 48n) | 0x5000n]).buffer), STACK);
  const bytes = registers(ARM64, { pc: 0x4000, sp: STACK, x29: STACK + 16 });
  assert.deepEqual(
    unwind({ arch: ARM64, bytes }, memory, []).map(({ pc }) => pc),
    [0x4000, 0x5000],
  );
});

test("a stack that points into itself ends", () => {
  const memory = stackOf([STACK, 0x5000, STACK, 0x6000]);
  const bytes = registers(X86_64, { rip: 0x4000, rsp: STACK, rbp: STACK });
  assert.equal(unwind({ arch: X86_64, bytes }, memory, []).length, 2);
  assert.equal(unwind({ arch: X86_64, bytes }, { read: (_at, into) => into.fill(0xff).length }, []).length, 3);
  const endless: ByteSource = {
    read(at, into) {
      new DataView(into.buffer, into.byteOffset).setBigUint64(0, BigInt(at + 16), true);
      return into.length;
    },
  };
  assert.equal(unwind({ arch: X86_64, bytes }, endless, [], { maxFrames: 40 }).length, 40);
});

test("expressions: arithmetic of 64 bits, branches, and an end to all of them", () => {
  const memory = stackOf([77]);
  const surroundings = { register: (n: number) => (n === 7 ? STACK : undefined), memory, bias: 0 };
  const value = (...ops: number[]): number | undefined => evaluate(Uint8Array.from(ops), surroundings, undefined);
  assert.equal(value(DW_OP.breg0 + 7, 0, DW_OP.deref), 77);
  assert.equal(value(DW_OP.lit0 + 5, DW_OP.lit0 + 7, DW_OP.minus), Number(2n ** 64n - 2n));
  assert.equal(value(DW_OP.const1s, 0xf0, DW_OP.lit0 + 3, DW_OP.shra), Number(2n ** 64n - 2n));
  assert.equal(value(DW_OP.lit0 + 1, DW_OP.lit0 + 2, DW_OP.lit0 + 3, DW_OP.rot, DW_OP.drop), 1);
  assert.equal(value(DW_OP.lit0 + 1, DW_OP.bra, 1, 0, DW_OP.nop, DW_OP.lit0 + 9), 9);
  assert.equal(value(DW_OP.breg0 + 3, 0), undefined);
  assert.equal(value(DW_OP.lit0, DW_OP.deref), undefined);
  for (const wrong of [[DW_OP.skip, 0xfd, 0xff], [DW_OP.plus], [DW_OP.lit0, DW_OP.lit0, DW_OP.div], [0xff]])
    assert.throws(() => value(...wrong), { code: "EPROTO" });
});

const CODE = 0x5000_0000_0000;

/** A program as it is mapped: one module for each part of the file that has code. */
function mapped(bytes: Uint8Array): LoadedModule[] {
  const image = ElfImage.open(sourceOf(bytes));
  const source = sourceOf(bytes);
  const pieces = (image?.segments ?? []).filter(({ executable }) => executable);
  return pieces.map(({ offset, size }) => {
    const fileOffset = offset - (offset % 4096);
    const start = CODE + fileOffset;
    return { start, end: start + size + 4096, fileOffset, path: "/program", bytes: source };
  });
}

/** LYONNAIS_FUZZ is how many; 10^5 take a minute. */
test("programs with changed bytes: an end, in time, whatever they say", { timeout: 300_000 }, () => {
  const original = readFileSync(program("frames", "-static-pie", "-fPIE", "-g0"));
  const small = readFileSync(program("frames", "-pie", "-fPIE"));
  const rounds = Number(process.env["LYONNAIS_FUZZ"] ?? 3000);
  const random = seeded(20_261_126);
  const words = Array.from({ length: 512 }, (_, i) =>
    i % 3 === 0 ? CODE + 0x1000 + random(0x400) : STACK + 8 * random(512),
  );
  const memory = stackOf(words);
  let calls = 0;
  let slowest = 0;
  for (let round = 0; round < rounds; round++) {
    // A Buffer's slice would be the same bytes, and each round's changes on top of all before.
    const bytes = Uint8Array.from(round % 50 === 0 ? original : small);
    const headers = random(3) === 0;
    for (let changes = 1 + random(12); changes > 0; changes--) {
      const at = headers ? random(1024) : random(bytes.length);
      bytes[at] = [0, 0xff, 0x7f, 0x80, random(256)][random(5)]!;
    }
    const shorter = random(10) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
    const modules = mapped(shorter);
    const rip = CODE + 0x1000 + random(0x500);
    const set = registers(X86_64, { rip, rsp: STACK, rbp: STACK + 8 * random(64), rax: random(2 ** 32) });
    const begun = performance.now();
    const frames: Frame[] = unwind({ arch: X86_64, bytes: set }, memory, modules);
    slowest = Math.max(slowest, performance.now() - begun);
    assert.ok(frames.length >= 1 && frames.length <= 256);
    calls += frames.length;
    const symbols = ModuleSymbols.open(sourceOf(shorter));
    for (let i = 0; i < 4; i++) symbols?.place(random(bytes.length));
    symbols?.named("leaf");
    symbols?.addressOf("frames.c", random(60));
  }
  assert.ok(calls > rounds);
  assert.ok(slowest < 2000, `${slowest} ms`);
});

test("a symbol is found by its name, where nm finds it, and a line where addr2line says it is", () => {
  const binary = program("breaks");
  const symbols = ModuleSymbols.open(sourceOf(readFileSync(binary)))!;
  const lines = spawnSync("nm", ["-S", binary], { encoding: "latin1" }).stdout.split("\n");
  let seen = 0;
  for (const line of lines) {
    const [, address, size, name] = /^([0-9a-f]{16}) ([0-9a-f]{16}) [TDBtdb] ([a-z_]+)$/.exec(line) ?? [];
    if (address === undefined) continue;
    assert.deepEqual(symbols.named(name!), { address: Number(`0x${address}`), size: Number(`0x${size}`) }, name);
    seen++;
  }
  assert.ok(seen > 5);
  // `leaf` is the end of other names, of which it has its bytes in the file; these are not it.
  for (const none of ["eaf", "lea", "leaf2", "", "x".repeat(5000)]) assert.equal(symbols.named(none), undefined, none);
  const address = symbols.addressOf("breaks.c", 20)!;
  const { stdout } = spawnSync("addr2line", ["-e", binary, `0x${address.toString(16)}`], { encoding: "latin1" });
  assert.match(stdout, /breaks\.c:20/);
  assert.equal(symbols.addressOf("reaks.c", 20), undefined);
  assert.equal(symbols.addressOf("breaks.c", 9999), undefined);
});
