import assert from "node:assert/strict";
import { test } from "node:test";
import { AT_SYSINFO_EHDR, auxiliaryValue } from "./auxv.ts";

/** Entries of two 64-bit words, as the kernel writes them. */
function vector(...entries: readonly (readonly [type: number, value: bigint])[]): Uint8Array {
  const bytes = new Uint8Array(16 * entries.length);
  const view = new DataView(bytes.buffer);
  for (const [i, [type, value]] of entries.entries()) {
    view.setBigUint64(16 * i, BigInt(type), true);
    view.setBigUint64(16 * i + 8, value, true);
  }
  return bytes;
}

const VECTOR = vector([3, 0x40n], [AT_SYSINFO_EHDR, 0x7ffd_1234_5000n], [0x40, 3n]);

test("an entry is found by its type, the first and the last one as well, and never by its value", () => {
  assert.equal(auxiliaryValue(VECTOR, 3), 0x40);
  assert.equal(auxiliaryValue(VECTOR, AT_SYSINFO_EHDR), 0x7ffd_1234_5000);
  assert.equal(auxiliaryValue(VECTOR, 0x40), 3);
  assert.equal(auxiliaryValue(VECTOR, 0x7ffd), undefined);
  assert.equal(auxiliaryValue(new Uint8Array(), 3), undefined);
});

test("a vector that lies somewhere in a larger buffer is read there", () => {
  const around = new Uint8Array(VECTOR.length + 24).fill(0xff);
  around.set(VECTOR, 8);
  assert.equal(auxiliaryValue(around.subarray(8, 8 + VECTOR.length), AT_SYSINFO_EHDR), 0x7ffd_1234_5000);
});

test("half an entry at the end is none", () => {
  for (let length = 32; length < 48; length++)
    assert.equal(auxiliaryValue(VECTOR.subarray(0, length), 0x40), undefined);
});
