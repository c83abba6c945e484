import assert from "node:assert/strict";
import { test } from "node:test";
import { paperBreakpoints } from "../../../test/support/paper-breakpoints.ts";
import { Parked } from "../vfs/parked.ts";
import { withoutPatches } from "./patched-memory.ts";
import type { AddressSpace, Process } from "./ports.ts";

/** Bytes 10 to 19 at address 100, and a breakpoint of two bytes in them at 104. */
function scene() {
  const bytes = Uint8Array.from({ length: 10 }, (_, i) => 10 + i);
  const paper = paperBreakpoints([]);
  paper.planted = [{ address: 104, original: bytes.slice(4, 6) }];
  bytes.set(paper.breakInstruction, 4);
  const memory: AddressSpace = {
    image: "",
    read: (address, into) => {
      into.set(bytes.subarray(address - 100, address - 100 + into.length));
      return into.length;
    },
    write: (address, data) => {
      bytes.set(data, address - 100);
      return data.length;
    },
    close: () => {},
  };
  const space = withoutPatches(memory, {} as Process, paper);
  const read = (address: number, length: number): number[] => {
    const into = Buffer.alloc(length);
    assert.equal(space.read(address, into), length);
    return [...into];
  };
  return { bytes, paper, memory, space, read };
}

test("a breakpoint is not seen, whatever part of it is read", () => {
  const { read } = scene();
  assert.deepEqual(read(100, 10), [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  assert.deepEqual([read(104, 1), read(105, 2), read(106, 2)], [[14], [15, 16], [16, 17]]);
});

test("what is written there is what the program has, and the breakpoint stays; the writer's bytes are left alone", () => {
  const { space, bytes, read, paper } = scene();
  const data = Buffer.from([1, 2, 3]);
  assert.equal(space.write(103, data), 3);
  assert.deepEqual([...bytes.subarray(3, 6)], [1, 0xcc, 0xcd]);
  assert.deepEqual(
    [[...data], read(103, 3), [...paper.planted[0]!.original]],
    [
      [1, 2, 3],
      [1, 2, 3],
      [2, 3],
    ],
  );
});

test("a read that takes its time sees no breakpoint that has gone meanwhile", () => {
  const { bytes, paper, memory } = scene();
  const late = new Parked<number>();
  const slow: AddressSpace = {
    ...memory,
    read: (_address, into) => {
      into.set(bytes);
      return late;
    },
  };
  const into = new Uint8Array(10);
  withoutPatches(slow, {} as Process, paper).read(100, into);
  paper.planted = [];
  late.settle(10);
  assert.deepEqual([...into.subarray(4, 6)], [14, 15]);
});

test("a write where a breakpoint is being put in or taken out is refused, beside it it is done", () => {
  const { space, bytes, paper } = scene();
  paper.busy = [104];
  for (const [address, length] of [
    [103, 2],
    [104, 1],
    [105, 4],
  ] as const)
    assert.throws(() => space.write(address, new Uint8Array(length)), { code: "EAGAIN" });
  assert.deepEqual([...bytes.subarray(3, 7)], [13, 0xcc, 0xcd, 16]);
  assert.equal(space.write(102, new Uint8Array(2)), 2);
  assert.equal(space.write(106, new Uint8Array(1)), 1);
  assert.deepEqual([...bytes.subarray(2, 7)], [0, 0, 0xcc, 0xcd, 0]);
});
