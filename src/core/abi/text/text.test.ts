import assert from "node:assert/strict";
import { test } from "node:test";
import { limitIn } from "./limits.ts";
import { parseSchedstat } from "./schedstat.ts";
import { exitStatusOf, imageOf, parseStat, STAT, statFields, ttyMajor, ttyMinor } from "./stat.ts";
import { isKernelThread, isStopped, isZombie, stateOf, statusField, statusMask, statusNumbers } from "./status.ts";

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
  for (const text of ["", "1 cat S", "1 (cat", "1 cat) S", "1 )cat( S 1 2 3", "1 (cat) S 1 2 3"])
    assert.throws(() => parseStat(text), { code: "EPROTO", reason: /stat line/ }, text);
});

test("an image is told by where code, stack and arguments begin, and by nothing else of the line", () => {
  // Fields are named by the manual's numbers: 26 startcode, 28 startstack, 48 arg_start.
  const line = (changes: Record<number, number | string>, comm = "cat"): string => {
    const fields = Array.from({ length: 52 }, (_, i) => String(changes[i + 1] ?? 1000 + i));
    return `1 (${comm}) ${fields.slice(2).join(" ")}\n`;
  };
  const image = imageOf(line({}));
  assert.equal(image, "1025 1027 1047");
  for (let field = 3; field <= 52; field++) {
    const moves = [26, 28, 48].includes(field);
    assert.equal(imageOf(line({ [field]: 7 })) !== image, moves, `field ${field}`);
  }
  assert.equal(imageOf(line({}, ") (a b) 1 2 3")), image);
  assert.equal(imageOf("1 (cat) Z 1 77"), "0 0 0", "an old or a short line");
});

test("the fields behind the name stand where the manual has them", () => {
  // Each field is its own number in the manual, where the state is field 3.
  const text = `1 (a) (b) ${Array.from({ length: 50 }, (_, i) => i + 3).join(" ")}\n`;
  const manual = { ppid: 4, tty: 7, minorFaults: 10, majorFaults: 12, memoryBytes: 23, brkStart: 47, exitStatus: 52 };
  for (const [name, number] of Object.entries(manual)) {
    assert.equal(Number(statFields(text)[STAT[name as keyof typeof manual]]), number, name);
  }
  assert.equal(statFields(text, 2).length, 2);
});

test("how a process has ended stands in its last field; a line without it tells nothing", () => {
  const line = (status: string): string => `1 (a ) b) Z ${"0 ".repeat(48)}${status}`;
  assert.equal(exitStatusOf(line("139\n")), 139);
  assert.equal(exitStatusOf("1 (a) Z 1 2\n"), 0);
});

test("a thread's time and turns are the first and the third number of schedstat", () => {
  assert.deepEqual(parseSchedstat("123456789 42 7\n"), { ranNs: 123456789, slices: 7 });
  assert.deepEqual(parseSchedstat("0 0 0\n"), { ranNs: 0, slices: 0 });
});

test("a limit is found by its whole name, whatever stands behind it", () => {
  const text = `Limit                     Soft Limit           Hard Limit           Units     
Max open files            1024                 unlimited            files     
Max nice priority         0                    5                    
`;
  assert.deepEqual(limitIn(text, "Max open files"), { soft: 1024, hard: Number.POSITIVE_INFINITY });
  assert.deepEqual(limitIn(text, "Max nice priority"), { soft: 0, hard: 5 });
  assert.equal(limitIn(text, "open files"), undefined);
  assert.equal(limitIn(text, "Max open"), undefined);
  assert.equal(limitIn(text, "Max file locks"), undefined);
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
  assert.equal(isKernelThread(9, "Name:\tx\nState:\tZ (zombie)\nPPid:\t2\n"), false, "what kthreadd has not reaped");
  assert.equal(isKernelThread(3, text("0")), false);
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
  assert.equal(statusMask(text, "CapEff"), 0xffn);
  assert.equal(statusMask("\nSigCgt:\t8000000000000001\n", "SigCgt"), 0x8000_0000_0000_0001n);
  assert.throws(() => statusMask(text, "CapPrm"), { code: "EPROTO" });
  assert.throws(() => statusField(text, "spid"), { code: "EPROTO" });
  assert.equal(statusField("Name:\tx\nThreads:\t12", "Threads"), "12", "the last line, without a newline");
  assert.throws(() => statusField("Name:\tx\n", "Name"), { code: "EPROTO" }, "the first line is not a number's");
});
