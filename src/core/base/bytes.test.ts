import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seedFrom } from "../../../test/support/seeded.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";

test("what is written is read, however often the buffer had to grow in between", () => {
  const field = fc.oneof(
    fc.record({ kind: fc.constant("u8" as const), value: fc.nat(0xff) }),
    fc.record({ kind: fc.constant("u16" as const), value: fc.nat(0xffff) }),
    fc.record({ kind: fc.constant("u32" as const), value: fc.nat(0xffff_ffff) }),
    fc.record({ kind: fc.constant("u64" as const), value: fc.maxSafeNat() }),
    fc.record({ kind: fc.constant("bytes" as const), value: fc.uint8Array({ maxLength: 40 }) }),
  );
  fc.assert(
    fc.property(fc.array(field), fc.nat(8), (fields, capacity) => {
      const writer = new ByteWriter(capacity);
      for (const { kind, value } of fields) {
        if (kind === "bytes") writer.u32(value.length).bytes(value);
        else writer[kind](value);
      }
      const reader = new ByteReader(writer.written);
      for (const { kind, value } of fields) {
        if (kind === "bytes") assert.deepEqual([...reader.bytes(reader.u32())], [...value]);
        else assert.equal(reader[kind](), value);
      }
      assert.equal(reader.remaining, 0);
    }),
    { seed: seedFrom(1) },
  );
});
