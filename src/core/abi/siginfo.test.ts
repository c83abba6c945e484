import assert from "node:assert/strict";
import { test } from "node:test";
import { describeSignal } from "./siginfo.ts";

/** A siginfo_t somewhere in a larger buffer: code at byte 8, the union from byte 16 on. */
function siginfo(code: number, union: (view: DataView) => void = () => {}): Uint8Array {
  const bytes = new Uint8Array(256).fill(0xee).subarray(64, 192);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setInt32(8, code, true);
  union(view);
  return bytes;
}

const AT = 0x7f12_3456_789an;
const fault = (code: number): Uint8Array => siginfo(code, (view) => view.setBigUint64(16, AT, true));
const from = (code: number): Uint8Array =>
  siginfo(code, (view) => {
    view.setInt32(16, 812, true);
    view.setUint32(20, 4_000_000_000, true);
  });

/** Signal, code and name as asm-generic/siginfo.h and signal(7) have them. */
const FAULTS: readonly (readonly [signal: string, first: string, last: string, count: number])[] = [
  ["4 ill", "opcode", "stack", 8],
  ["5 trap", "breakpoint", "perf", 6],
  ["7 bus", "alignment", "memory-error-late", 5],
  ["8 fpe", "divide", "subscript", 8],
  ["11 segv", "mapping", "protection", 10],
];

for (const [signal, first, last, count] of FAULTS) {
  test(`${signal}: an instruction raised it at an address`, () => {
    const said = (code: number): string => describeSignal(Number.parseInt(signal, 10), fault(code));
    assert.equal(said(1), `${signal} addr 0x7f123456789a code ${first}`);
    assert.equal(said(count), `${signal} addr 0x7f123456789a code ${last}`);
    assert.equal(said(count + 1), `${signal} code ${count + 1}`, "one that has no name yet");
    const names = Array.from({ length: count }, (_, i) => said(i + 1));
    assert.equal(new Set(names).size, count);
  });
}

test("what a process has sent tells who it was; what the kernel sends for one, only how", () => {
  const rows: readonly (readonly [code: number, said: string])[] = [
    [0, "10 usr1 code user from 812 uid 4000000000"],
    [-1, "10 usr1 code queue from 812 uid 4000000000"],
    [-2, "10 usr1 code timer"],
    [-3, "10 usr1 code message"],
    [-4, "10 usr1 code async-io"],
    [-5, "10 usr1 code sigio"],
    [-6, "10 usr1 code tkill from 812 uid 4000000000"],
    [-7, "10 usr1 code -7"],
    [0x80, "10 usr1 code kernel"],
    [1, "10 usr1 code 1"],
  ];
  for (const [code, said] of rows) assert.equal(describeSignal(10, from(code)), said);
  assert.equal(describeSignal(11, from(0)), "11 segv code user from 812 uid 4000000000", "sent, and no fault");
});

test("a stop without a siginfo_t has the signal's name alone", () => {
  assert.equal(describeSignal(20, undefined), "20 tstp");
});
