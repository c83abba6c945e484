import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { IGNORED_BY_DEFAULT, maskHas, SYNCHRONOUS_SIGNALS, signalName, signalNumber } from "./signal.ts";

/** As the host's C library numbers them. */
const OF_HOST = new Map(
  Object.entries(constants.signals).map(([name, number]) => [name.slice(3).toLowerCase(), number]),
);

test("a signal has the number that the host gives it", () => {
  let known = 0;
  for (const [name, number] of OF_HOST) {
    if (["poll", "unused", "lost"].includes(name)) continue;
    assert.equal(signalNumber(name), number, name);
    known++;
  }
  assert.equal(known, 32, "31 signals, one of which has two names");
});

test("a number has the name it is known by; real-time signals have numbers of their own", () => {
  for (let number = 1; number < 32; number++) assert.equal(signalNumber(signalName(number)), number);
  assert.deepEqual([6, 29, 31].map(signalName), ["abrt", "io", "sys"]);
  assert.deepEqual([32, 35, 64].map(signalName), ["rt0", "rt3", "rt32"]);
});

test("what is no signal here is refused, whatever else objects have names for", () => {
  for (const name of ["", "emt", "info", "HUP", "sighup", "constructor", "toString", "__proto__"]) {
    assert.throws(() => signalNumber(name), { code: "EOPNOTSUPP" }, name);
  }
});

test("a mask has bit n - 1 for signal n", () => {
  const set = (mask: bigint): number[] => Array.from({ length: 64 }, (_, i) => i + 1).filter((n) => maskHas(mask, n));
  assert.deepEqual(set(0n), []);
  assert.deepEqual(set(1n), [1]);
  assert.deepEqual(set(0x8000_0000_0001_0200n), [10, 17, 64]);
  assert.equal(set(0xffff_ffff_ffff_ffffn).length, 64);
});

test("signals by what becomes of them, signal(7)", () => {
  const names = (numbers: readonly number[]): string[] => {
    return [...OF_HOST].filter(([, number]) => numbers.includes(number)).map(([name]) => name);
  };
  assert.deepEqual(names(SYNCHRONOUS_SIGNALS).sort(), ["bus", "fpe", "ill", "segv", "trap"]);
  assert.deepEqual(names(IGNORED_BY_DEFAULT).sort(), ["chld", "cont", "urg", "winch"]);
});
