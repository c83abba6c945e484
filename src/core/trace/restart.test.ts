import assert from "node:assert/strict";
import { test } from "node:test";
import { ARM64 } from "../abi/arch/arm64.ts";
import { X86_64 } from "../abi/arch/x86-64.ts";
import { PTRACE_EVENT_CLONE, PTRACE_EVENT_EXEC, PTRACE_EVENT_FORK, PTRACE_EVENT_STOP } from "../abi/ptrace.ts";
import { actionAt, CallRepair } from "./restart.ts";

const BRK = 12;
const READ = 0;
const BRK_32 = 45;
const SIGALRM = 14;
const EPOLL_WAIT = 232;
const CLOSE = 3;
const UNHEARD = (): boolean => false;
const repair = new CallRepair(X86_64, (abi) => new Set(abi === X86_64.abis[0] ? [BRK] : [BRK_32]));

function registers64(number: number, result: bigint): Uint8Array {
  const bytes = new Uint8Array(216).fill(0x5a);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(80, result, true);
  view.setBigInt64(120, BigInt(number), true);
  return bytes;
}

function registers32(number: number, result: number): Uint8Array {
  const bytes = new Uint8Array(68).fill(0x5a);
  const view = new DataView(bytes.buffer);
  view.setInt32(24, result, true);
  view.setInt32(44, number, true);
  return bytes;
}

test("a call that waited to be received is made again, and nothing else is touched", () => {
  const registers = registers64(BRK, -512n);
  assert.equal(repair.repeat(registers, UNHEARD), true);
  assert.deepEqual(registers, registers64(BRK, -513n));
});

test("the same for a 32-bit program, by its own numbers", () => {
  const registers = registers32(BRK_32, -512);
  assert.equal(repair.repeat(registers, UNHEARD), true);
  assert.deepEqual(registers, registers32(BRK_32, -513));
  assert.equal(repair.repeat(registers32(BRK, -512), UNHEARD), false);
});

for (const [what, registers] of [
  ["a call that nobody traps", registers64(READ, -512n)],
  ["a call that is made again anyway", registers64(BRK, -513n)],
  ["a call that has failed", registers64(BRK, -4n)],
  ["a call that has succeeded with a number that looks like it in 32 bits", registers64(BRK, 0xfffffe00n)],
  ["no call at all", registers64(-1, -512n)],
  ["registers of another size", new Uint8Array(100)],
] as const) {
  test(`${what} is left as it is`, () => {
    const before = Uint8Array.from(registers);
    assert.equal(repair.repeat(registers, UNHEARD), false);
    assert.deepEqual(registers, before);
  });
}

test("a wait that a signal has ended which nobody hears goes on; one whose handler runs fails, as it does untraced", () => {
  const registers = registers64(EPOLL_WAIT, -4n);
  assert.equal(
    repair.repeat(registers, () => true),
    false,
  );
  assert.equal(repair.repeat(registers, UNHEARD), true);
  assert.deepEqual(registers, registers64(EPOLL_WAIT, -513n));
  assert.equal(repair.repeat(registers64(CLOSE, -4n), UNHEARD), false, "what has been done is not done twice");
});

test("where the kernel has decided before the stop there is nothing to repair", () => {
  const none = new CallRepair(ARM64, () => new Set([214]));
  assert.equal(none.repeat(new Uint8Array(ARM64.registerSize), UNHEARD), false);
});

test("what becomes of each stop", () => {
  assert.deepEqual(actionAt(SIGALRM, 0), { do: "deliver", signal: SIGALRM });
  assert.deepEqual(actionAt(5, 0), { do: "deliver", signal: 5 });
  assert.deepEqual(actionAt(19, PTRACE_EVENT_STOP), { do: "listen" });
  assert.deepEqual(actionAt(5, PTRACE_EVENT_STOP), { do: "go" });
  assert.deepEqual(actionAt(5, PTRACE_EVENT_EXEC), { do: "release" });
  assert.deepEqual(actionAt(5, PTRACE_EVENT_FORK), { do: "born" });
  assert.deepEqual(actionAt(5, PTRACE_EVENT_CLONE), { do: "born" });
  const others = [2, 5, 6, 7];
  for (const event of others) assert.deepEqual(actionAt(5, event), { do: "go" }, `event ${event}`);
});
