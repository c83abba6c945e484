import assert from "node:assert/strict";
import { test } from "node:test";
import { FuseRequest } from "./request.ts";

const HEADER = 40;
const OPEN = 14;

test("a header that is kept is a copy, also of bytes whose slices are views", () => {
  const memory = Buffer.alloc(200);
  const bytes = memory.subarray(100, 148);
  bytes.writeUInt32LE(48, 0);
  bytes.writeUInt32LE(OPEN, 4);
  bytes.writeUInt32LE(7, 8);
  const header = new FuseRequest(bytes, 48).keepHeader();
  memory.fill(0xff);
  assert.deepEqual([header.length, header.opcode, header.unique], [HEADER, OPEN, 7]);
  assert.deepEqual(memory, Buffer.alloc(200, 0xff));
});
