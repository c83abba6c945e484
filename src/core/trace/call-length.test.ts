import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { program } from "../../../test/support/programs.ts";
import { ARM64 } from "../abi/arch/arm64.ts";
import { X86_64 } from "../abi/arch/x86-64.ts";
import { callLength } from "./call-length.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text.split(" "), (byte) => Number.parseInt(byte, 16));

test("calls of x86 in every form have the length that the processor gives them; jumps are no calls", () => {
  const rows: readonly (readonly [code: string, length: number | undefined])[] = [
    ["e8 00 00 00 00", 5],
    ["f2 e8 00 00 00 00", 6],
    ["ff d0", 2],
    ["41 ff d3", 3],
    ["ff 10", 2],
    ["ff 15 00 00 00 00", 6],
    ["ff 50 08", 3],
    ["ff 54 24 08", 4],
    ["ff 14 c5 00 00 00 00", 7],
    ["ff 14 24", 3],
    ["ff 94 24 00 01 00 00", 7],
    ["3e ff d0", 3],
    ["ff 1b", 2],
    ["ff 25 00 00 00 00", undefined],
    ["ff e0", undefined],
    ["e9 00 00 00 00", undefined],
    ["c3", undefined],
    ["e8 00 00", undefined],
    ["ff", undefined],
  ];
  for (const [code, length] of rows) assert.equal(callLength(bytes(code), X86_64.calls), length, code);
});

test("calls of arm64: BL and BLR", () => {
  assert.equal(callLength(bytes("01 00 00 94"), ARM64.calls), 4);
  assert.equal(callLength(bytes("20 00 3f d6"), ARM64.calls), 4);
  assert.equal(callLength(bytes("c0 03 5f d6"), ARM64.calls), undefined);
});

test("of every instruction that objdump shows of a program the calls are known, and no other", {
  skip: process.arch !== "x64",
}, () => {
  const { stdout } = spawnSync("objdump", ["-d", "-w", program("frames", "-static-pie", "-fPIE", "-g0")], {
    encoding: "latin1",
    maxBuffer: 2 ** 27,
  });
  let calls = 0;
  for (const line of stdout.split("\n")) {
    const [, code, text] = /^ +[0-9a-f]+:\t((?:[0-9a-f]{2} )+) *\t(.*)$/.exec(line) ?? [];
    if (code === undefined) continue;
    const instruction = bytes(code.trim());
    const isCall = /^(bnd |notrack |data16 |addr32 |rex\.?\w* )*call/.test(text!);
    assert.equal(callLength(instruction, X86_64.calls), isCall ? instruction.length : undefined, line);
    if (isCall) calls++;
  }
  assert.ok(calls > 1000, `${calls}`);
});
