import assert from "node:assert/strict";
import { test } from "node:test";
import { ARCHES } from "./arch/all.ts";
import { signalNumber } from "./signal.ts";
import { decodeWaitStatus } from "./wait.ts";

test("wait statuses decode to what the macros of wait(2) say", () => {
  assert.deepEqual(decodeWaitStatus(0), { kind: "exited", code: 0 });
  assert.deepEqual(decodeWaitStatus(7 << 8), { kind: "exited", code: 7 });
  assert.deepEqual(decodeWaitStatus(9), { kind: "signaled", signal: 9 });
  assert.deepEqual(decodeWaitStatus(0x8b), { kind: "signaled", signal: 11 }, "with a core file");
  assert.deepEqual(decodeWaitStatus(0x057f), { kind: "stopped", signal: 5, event: 0 });
  assert.deepEqual(decodeWaitStatus(0x04057f), { kind: "stopped", signal: 5, event: 4 });
  assert.deepEqual(decodeWaitStatus(0x80137f), { kind: "stopped", signal: 19, event: 128 });
  assert.deepEqual(decodeWaitStatus(0xffff), { kind: "continued" });
});

test("signals are the host's, by name; iot is abrt", () => {
  assert.deepEqual(["hup", "usr1", "chld", "stop", "io"].map(signalNumber), [1, 10, 17, 19, 29]);
  assert.equal(signalNumber("iot"), signalNumber("abrt"));
  for (const name of ["emt", "info", "HUP", "constructor", ""])
    assert.throws(() => signalNumber(name), { code: "EOPNOTSUPP" });
});

test("register sets are as long as their fields, names are unique, pc and sp are among them", () => {
  for (const arch of ARCHES) {
    assert.equal(arch.registers.length * 8, arch.registerSize, arch.machine);
    assert.equal(new Set(arch.registers).size, arch.registers.length);
    assert.ok(arch.registers.includes(arch.programCounter) && arch.registers.includes(arch.stackPointer));
  }
});
