/** The facts of core/abi against the C headers of this very machine. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ARCHES } from "../../src/core/abi/arch/all.ts";
import * as auxv from "../../src/core/abi/auxv.ts";
import * as poll from "../../src/core/abi/poll.ts";
import * as prctl from "../../src/core/abi/prctl.ts";
import * as ptrace from "../../src/core/abi/ptrace.ts";
import * as seccomp from "../../src/core/abi/seccomp.ts";
import * as signal from "../../src/core/abi/signal.ts";
import { signalNumber } from "../../src/core/abi/signal.ts";
import * as wait from "../../src/core/abi/wait.ts";
import { pageSize } from "../../src/host/linux/page-size.ts";
import { program } from "../support/programs.ts";

const { stdout } = spawnSync(program("abi-facts"), { encoding: "utf8" });
const facts = new Map(
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" "))
    .map(([name, value]) => [name!, Number(value)]),
);

/** Facts whose name begins with `prefix`, without it. */
function under(prefix: string): [string, number][] {
  return [...facts].filter(([name]) => name.startsWith(prefix)).map(([name, n]) => [name.slice(prefix.length), n]);
}

const arch = ARCHES.find(({ nodeArch }) => nodeArch === process.arch)!;

test("every register lies where the C struct has it", () => {
  assert.deepEqual(
    under("register."),
    arch.registers.map((name, i) => [name, 8 * i]),
  );
});

test("every floating-point register lies where the C struct has it", () => {
  const { note, size, fields } = arch.floating;
  assert.deepEqual([note, size], [facts.get("ntPrfpreg"), facts.get("floatingSize")]);
  const known = under("floating.");
  assert.ok(known.length >= 3);
  for (const [name, at] of known) assert.equal(fields.find((field) => field.name === name)?.at, at, name);
});

test("the bits of poll(2) are the headers'", () => {
  assert.deepEqual(Object.fromEntries(under("poll.")), { ...poll });
});

test("the numbers of this architecture are the headers'", () => {
  for (const name of ["registerSize", "ntPrstatus", "sysSeccomp"] as const) {
    assert.equal(arch[name], facts.get(name), name);
  }
  for (const name of ["sysPrctl", "sysClose"] as const) {
    assert.equal(arch.call[name], facts.get(`call.${name}`), name);
  }
  const [native] = arch.abis;
  assert.equal(native.auditArch, facts.get("call.auditArch"));
  assert.equal(arch.sysKcmp, facts.get("native.kcmp"));
  for (const [name, number] of Object.entries(native.numbers)) assert.equal(number, facts.get(`native.${name}`), name);
});

test("ptrace and wait constants are the headers'", () => {
  const ours: [string, unknown][] = [...Object.entries(ptrace), ...Object.entries(wait)];
  const numbers = ours.filter(([, value]) => typeof value === "number");
  assert.ok(numbers.length >= 15);
  for (const [name, value] of numbers) assert.equal(value, facts.get(name), name);
  assert.deepEqual(Object.fromEntries(under("callInfo.")), ptrace.SYSCALL_INFO);
});

test("what is used to put a filter on a process is what the headers say", () => {
  const ours = new Map<string, unknown>(Object.entries({ ...seccomp, ...prctl, ...auxv, ...signal }));
  const used = under("used.");
  assert.ok(used.length >= 15);
  for (const [name, value] of used) assert.equal(ours.get(name), value, name);
});

test("every signal of the host has its number under its name", () => {
  const signals = under("signal.");
  assert.equal(signals.length, 32);
  for (const [name, number] of signals) assert.equal(signalNumber(name), number, name);
  assert.throws(() => signalNumber("emt"), { code: "EOPNOTSUPP" });
});

test("a page is as large as the kernel's own are", () => {
  const [, kilobytes] = /^KernelPageSize: +(\d+) kB$/m.exec(readFileSync("/proc/self/smaps", "latin1"))!;
  assert.equal(pageSize, Number(kilobytes) * 1024);
});
