import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeWaitStatus, type WaitStatus } from "./wait.ts";

const ROWS: readonly (readonly [status: number, what: string, expected: WaitStatus])[] = [
  [0x0000, "exit(0)", { kind: "exited", code: 0 }],
  [0x2a00, "exit(42)", { kind: "exited", code: 42 }],
  [0xff00, "exit(255)", { kind: "exited", code: 255 }],
  [0x0009, "SIGKILL", { kind: "signaled", signal: 9 }],
  [0x008b, "SIGSEGV with a core", { kind: "signaled", signal: 11 }],
  [0x137f, "SIGSTOP", { kind: "stopped", signal: 19, event: 0 }],
  [0x057f, "a trap", { kind: "stopped", signal: 5, event: 0 }],
  [0x80057f, "PTRACE_EVENT_STOP by PTRACE_INTERRUPT", { kind: "stopped", signal: 5, event: 128 }],
  [0x80137f, "group stop under PTRACE_SEIZE", { kind: "stopped", signal: 19, event: 128 }],
  [0x4057f, "PTRACE_EVENT_EXEC", { kind: "stopped", signal: 5, event: 4 }],
  [0xffff, "continued", { kind: "continued" }],
];

for (const [status, what, expected] of ROWS) {
  test(`wait status 0x${status.toString(16)} is ${what}`, () => assert.deepEqual(decodeWaitStatus(status), expected));
}
