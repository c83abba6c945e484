import assert from "node:assert/strict";
import { test } from "node:test";
import { hexdump } from "./hexdump.ts";

test("whole lines, a last line cut short, an address that goes on from the offset", () => {
  const bytes = Uint8Array.from({ length: 35 }, (_, i) => i + 0x30);
  assert.deepEqual(hexdump(bytes, 0x1000), [
    "00001000: 3031 3233 3435 3637 3839 3a3b 3c3d 3e3f  0123456789:;<=>?",
    "00001010: 4041 4243 4445 4647 4849 4a4b 4c4d 4e4f  @ABCDEFGHIJKLMNO",
    "00001020: 5051 52                                  PQR",
  ]);
});

test("bytes outside printable ASCII are dots; a large address is not cut", () => {
  assert.deepEqual(hexdump(Uint8Array.of(0, 0x1f, 0x20, 0x7e, 0x7f, 0xff), 0x7fff_ffff_f000), [
    "7ffffffff000: 001f 207e 7fff                           .. ~..",
  ]);
});

test("nothing is no line", () => assert.deepEqual(hexdump(new Uint8Array(0), 0), []));
