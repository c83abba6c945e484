import assert from "node:assert/strict";
import { test } from "node:test";
import { isKernelThread, isStopped, isZombie, parseStat, ttyMajor, ttyMinor } from "./stat.ts";
import { statusField, statusNumbers } from "./status.ts";

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
    flags: 4194560,
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

test("kinds of process are told by state and flags", () => {
  const stat = parseStat(`1 (x) ${TAIL}`);
  assert.equal(isKernelThread(stat), false);
  assert.equal(isKernelThread({ ...stat, flags: 2129984 }), true);
  assert.deepEqual(
    ["R", "S", "D", "Z", "X", "T", "t"].map((state) => isZombie({ ...stat, state })),
    [false, false, false, true, true, false, false],
  );
  assert.deepEqual(
    ["R", "Z", "T", "t"].map((state) => isStopped({ ...stat, state })),
    [false, false, true, true],
  );
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
