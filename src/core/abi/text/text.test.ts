import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStat, ttyMajor, ttyMinor } from "./stat.ts";
import { isKernelThread, isStopped, isZombie, stateOf, statusField, statusNumbers } from "./status.ts";

const TAIL = "S 1 77 42 34817 -1 4194560 1 2 3 4 25 17 5 6 20 0 1 0 8839 1 2";

test("a stat line is read field by field", () => {
  const stat = parseStat(`123 (cat) ${TAIL}\n`);
  assert.deepEqual(stat, {
    comm: "cat",
    state: "S",
    ppid: 1,
    pgrp: 77,
    session: 42,
    tty: 34817,
    userTicks: 25,
    systemTicks: 17,
    startTicks: 8839,
  });
});

test("a hostile name does not move the fields", () => {
  for (const comm of ["a) R 9 9 9", ") (", "", "a b\nc", "(((", ")))"]) {
    const stat = parseStat(`1 (${comm}) ${TAIL}`);
    assert.equal(stat.comm, comm);
    assert.equal(stat.pgrp, 77);
  }
});

test("a line cut short is refused, not half read", () => {
  for (const text of ["", "1 cat S", "1 (cat", "1 (cat) S 1 2 3"])
    assert.throws(() => parseStat(text), { code: "EPROTO" });
});

test("kinds of process are told by the status file", () => {
  const text = (rest: string): string => `Name:\tx\nState:\tS (sleeping)\nPPid:\t${rest}\n`;
  assert.equal(stateOf(text("1")), "S");
  assert.equal(isKernelThread(9, text("2\nKthread:\t0")), false);
  assert.equal(isKernelThread(9, text("1\nKthread:\t1")), true);
  // Before Linux 6.8.
  assert.equal(isKernelThread(9, text("2")), true);
  assert.equal(isKernelThread(2, text("0")), true);
  assert.equal(isKernelThread(9, text("1")), false);
  assert.equal(isKernelThread(9, text("2\nVmSize:\t100 kB")), false);
  assert.deepEqual(["R", "S", "D", "Z", "X", "T", "t"].map(isZombie), [false, false, false, true, true, false, false]);
  assert.deepEqual(["R", "Z", "T", "t"].map(isStopped), [false, false, true, true]);
});

test("a terminal's number splits into major and minor", () => {
  assert.deepEqual([ttyMajor(34817), ttyMinor(34817)], [136, 1]);
  assert.deepEqual([ttyMajor(0x10_8844), ttyMinor(0x10_8844)], [136, 0x144]);
});

test("status fields are found by whole name", () => {
  const text = "Name:\tPid: 9\nUid:\t1\t2\t3\t4\nGroups:\t \nNSpid:\t7\nCapEff:\t00ff\n";
  assert.deepEqual(statusNumbers(text, "Uid"), [1, 2, 3, 4]);
  assert.deepEqual(statusNumbers(text, "Groups"), []);
  assert.equal(statusField(text, "CapEff"), "00ff");
  assert.throws(() => statusField(text, "spid"), { code: "EPROTO" });
});
