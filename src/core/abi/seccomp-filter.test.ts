import assert from "node:assert/strict";
import { test } from "node:test";
import { SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF } from "./seccomp.ts";
import { answerOf, type CallFacts, encodeCall, mayAnswer } from "./seccomp-filter.ts";

type Instruction = readonly [code: number, jt: number, jf: number, k: number];

function filter(...program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(8 * program.length);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, jt, jf, k]] of program.entries()) {
    view.setUint16(8 * i, code, true);
    view.setUint8(8 * i + 2, jt);
    view.setUint8(8 * i + 3, jf);
    view.setUint32(8 * i + 4, k, true);
  }
  return bytes;
}

const CALL: CallFacts = {
  auditArch: 0xc000_003e,
  number: 157,
  programCounter: 0x1234_5678_9abc,
  args: [38, 2 ** 40 + 7],
};
const run = (...program: readonly Instruction[]): number => answerOf(filter(...program), encodeCall(CALL));
const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const RETURN_A: Instruction = [0x16, 0, 0, 0];

test("struct seccomp_data is where the filter looks for it", () => {
  assert.equal(run(load(0), RETURN_A), 157);
  assert.equal(run(load(4), RETURN_A), 0xc000_003e);
  assert.equal(run(load(8), RETURN_A), 0x5678_9abc);
  assert.equal(run(load(16), RETURN_A), 38);
  assert.equal(run(load(24), RETURN_A), 7);
  assert.equal(run(load(28), RETURN_A), 256);
  assert.equal(run([0x80, 0, 0, 0], RETURN_A), 64);
});

test("jumps", () => {
  const verdict = (jump: Instruction): number => run(load(0), jump, [0x06, 0, 0, 1], [0x06, 0, 0, 2]);
  const table: readonly [Instruction, number][] = [
    [[0x15, 0, 1, 157], 1],
    [[0x15, 0, 1, 158], 2],
    [[0x25, 0, 1, 156], 1],
    [[0x25, 0, 1, 157], 2],
    [[0x35, 0, 1, 157], 1],
    [[0x35, 0, 1, 158], 2],
    [[0x45, 0, 1, 0x80], 1],
    [[0x45, 0, 1, 0x40], 2],
    [[0x05, 0, 0, 1], 2],
  ];
  for (const [jump, answer] of table) assert.equal(verdict(jump), answer, String(jump));
});

test("arithmetic is of 32 bits", () => {
  const on = (code: number, k: number): number => run([0x00, 0, 0, 0xffff_fff0], [code, 0, 0, k], RETURN_A);
  assert.equal(on(0x04, 0x20), 0x10);
  assert.equal(on(0x14, 0xffff_fff1), 0xffff_ffff);
  assert.equal(on(0x24, 3), 0xffff_ffd0);
  assert.equal(on(0x34, 16), 0x0fff_ffff);
  assert.equal(on(0x44, 0xf), 0xffff_ffff);
  assert.equal(on(0x54, 0xff), 0xf0);
  assert.equal(on(0x64, 4), 0xffff_ff00);
  assert.equal(on(0x74, 4), 0x0fff_ffff);
  assert.equal(on(0x84, 0), 0x10);
  assert.equal(on(0xa4, 0xffff_ffff), 0xf);
});

test("a division by 0 is the end of a program, with 0 as its answer", () => {
  const divided = (x: number): number =>
    run([0x01, 0, 0, x], [0x00, 0, 0, 40], [0x3c, 0, 0, 0], [0x04, 0, 0, 1], RETURN_A);
  assert.equal(divided(10), 5);
  assert.equal(divided(0), 0);
});

test("an instruction that seccomp does not have is refused, and no other taken for it", () => {
  for (const code of [0xb4, 0xc4, 0x55, 0x40, 0x20 | 0x80, 0xa0, 0x50]) {
    assert.throws(() => run([0x00, 0, 0, 1], [code, 0, 0, 0], RETURN_A), { code: "EPROTO" }, code.toString(16));
  }
});

test("what a program returns is the accumulator only where it says so", () => {
  assert.equal(run([0x00, 0, 0, 9], [0x06, 0, 0, 5]), 5);
  assert.equal(run([0x00, 0, 0, 9], [0x16, 0, 0, 5]), 9);
});

test("the other register and the scratch memory", () => {
  assert.equal(run([0x01, 0, 0, 5], [0x00, 0, 0, 1], [0x0c, 0, 0, 0], [0x02, 0, 0, 3], [0x60, 0, 0, 3], RETURN_A), 6);
  assert.equal(run([0x00, 0, 0, 9], [0x07, 0, 0, 0], [0x00, 0, 0, 0], [0x87, 0, 0, 0], RETURN_A), 9);
  assert.equal(run([0x01, 0, 0, 4], [0x03, 0, 0, 0], [0x61, 0, 0, 0], [0x87, 0, 0, 0], RETURN_A), 4);
});

test("a program that runs off its end is none", () => {
  assert.throws(() => run(load(0)), { code: "EPROTO" });
  assert.throws(() => run([0x15, 9, 9, 0], RETURN_A), { code: "EPROTO" });
});

test("constants tell what a filter may answer", () => {
  const program = filter(
    load(0),
    [0x15, 0, 1, 1],
    [0x06, 0, 0, SECCOMP_RET_USER_NOTIF],
    [0x06, 0, 0, SECCOMP_RET_ALLOW],
  );
  assert.equal(mayAnswer(program, SECCOMP_RET_USER_NOTIF, 0xffff_0000), true);
  assert.equal(mayAnswer(program, 0, 0xffff_0000), false);
  assert.equal(mayAnswer(program, SECCOMP_RET_ALLOW, 0xffff_0000), true, "the last instruction counts");
  const errno = filter([0x06, 0, 0, 0x0005_0001], [0x16, 0, 0, SECCOMP_RET_ALLOW], load(SECCOMP_RET_USER_NOTIF));
  assert.equal(mayAnswer(errno, 0x0005_0000, 0xffff_0000), true, "whatever the data of the action");
  assert.equal(mayAnswer(errno, 0x0005_0000, 0xffff_ffff), false);
  assert.equal(mayAnswer(errno, SECCOMP_RET_ALLOW, 0xffff_0000), false, "an accumulator tells nothing");
  assert.equal(mayAnswer(errno, SECCOMP_RET_USER_NOTIF, 0xffff_0000), false, "what is no return tells nothing");
});
