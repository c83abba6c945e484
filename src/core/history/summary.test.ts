import assert from "node:assert/strict";
import { test } from "node:test";
import { eventLine } from "./lines.ts";
import { parseMoment } from "./period.ts";
import type { HistoryRecord } from "./record.ts";
import { bars, reportLines, shortSize } from "./report.ts";
import { suggestLimit } from "./suggest.ts";
import { type Period, Summarizer, type Summary } from "./summary.ts";

const START = 1_800_000_000_000;
const MINUTE = 60_000;
const MIB = 1 << 20;
const PERIOD: Period = { from: START, to: START + 10 * MINUTE, columns: 10 };

const uidRow = (minute: number, uid: number, reserved: number, peak: number): HistoryRecord => {
  const sizes = { reserved: reserved * MIB, limit: Number.POSITIVE_INFINITY, peak: peak * MIB };
  return { kind: "uid", timeMs: START + minute * MINUTE, uid, ...sizes };
};
const refused = (minute: number, uid: number, name: string, count: number): HistoryRecord => {
  const sizes = { asked: MIB, used: 60 * MIB, limit: 64 * MIB };
  const call = { pid: 70 + minute, uid, name, call: "mmap", reason: "rlimit" };
  return { kind: "refused", timeMs: START + minute * MINUTE, ...call, ...sizes, count };
};

function summaryOf(records: readonly HistoryRecord[], period = PERIOD): Summary {
  const summarizer = new Summarizer(period);
  for (const record of records) summarizer.add(record);
  return summarizer.summary();
}

test("a uid's peak, when it was, and what it has at the end", () => {
  const { uids } = summaryOf([uidRow(2, 1001, 10, 40), uidRow(3, 1001, 20, 30), uidRow(3, 7, 1, 1)]);
  assert.deepEqual(
    uids.map(({ uid, reserved, peak, peakMs }) => [uid, reserved / MIB, peak / MIB, (peakMs - START) / MINUTE]),
    [
      [7, 1, 1, 3],
      [1001, 20, 40, 2],
    ],
  );
  // What a minute's record says is of the minute before it.
  assert.deepEqual(
    uids[1]!.chart.map((bytes) => bytes / MIB),
    [0, 40, 40, 30, 0, 0, 0, 0, 0, 0],
  );
});

test("what is outside of the period, or another uid's, is left out", () => {
  const records = [uidRow(-1, 1, 1, 1), uidRow(10, 1, 1, 1), uidRow(1, 2, 1, 1), refused(1, 1, "x", 5)];
  assert.deepEqual(
    summaryOf(records, { ...PERIOD, uid: 1 }).uids.map(({ uid, refusals }) => [uid, refusals]),
    [[1, 5]],
  );
});

test("refusals of programs of one name are one row, those of most calls first", () => {
  const summary = summaryOf([refused(1, 1, "bash", 2), refused(2, 1, "java", 9), refused(3, 1, "bash", 4)]);
  assert.deepEqual(
    summary.refusals.map(({ name, count, pid, firstMs, lastMs }) => [name, count, pid, lastMs - firstMs]),
    [
      ["java", 9, 72, 0],
      ["bash", 6, 73, 2 * MINUTE],
    ],
  );
  assert.equal(summary.refused, 15);
  // What was in use then is known, though no minute has been told.
  assert.equal(summary.uids[0]!.peak, 60 * MIB);
});

test("a limit is suggested for what the uid's own limit refused, and not for what cannot be wanted", () => {
  const call = { kind: "refused", timeMs: START, pid: 7, uid: 1, name: "x", call: "mmap", count: 1 } as const;
  const records: HistoryRecord[] = [
    { ...call, reason: "rlimit", asked: 20 * MIB, used: 60 * MIB, limit: 64 * MIB },
    { ...call, reason: "rlimit", asked: 2 ** 52 * 4096, used: 60 * MIB, limit: 64 * MIB },
    { ...call, reason: "supply", asked: 20 * MIB, used: 9000 * MIB, limit: 9000 * MIB },
    { ...call, reason: "job", asked: 20 * MIB, used: 500 * MIB, limit: 510 * MIB },
  ];
  const period = { ...PERIOD, mostAsked: 9000 * MIB };
  const { refused, limit } = suggestLimit(summaryOf(records, period), 1)!;
  assert.deepEqual([refused / MIB, limit / MIB], [80, 88]);
  assert.equal(suggestLimit(summaryOf(records.slice(2), period), 1), undefined);
});

test("a pid that is used again is another process", () => {
  const process = { pid: 5, uid: 1, job: 1, name: "first" };
  const { processes, started } = summaryOf([
    { kind: "started", timeMs: START, ...process },
    { kind: "process", timeMs: START + 1, ...process, reserved: 9 * MIB },
    { kind: "became", timeMs: START + 2, pid: 5, name: "large" },
    { kind: "process", timeMs: START + 3, ...process, name: "large", reserved: 20 * MIB },
    { kind: "ended", timeMs: START + 4, pid: 5, uid: 1, name: "large", reserved: 3 * MIB },
    { kind: "started", timeMs: START + 5, ...process },
    { kind: "ended", timeMs: START + 6, pid: 5, uid: 1, name: "second", reserved: 4 * MIB },
  ]);
  assert.equal(started, 2);
  assert.deepEqual(
    processes.map(({ name, reserved }) => [name, reserved / MIB]),
    [
      ["large", 20],
      ["second", 4],
    ],
  );
});

test("a pid of another uid is another process, also where an end was left out", () => {
  const process = { kind: "process", pid: 5, job: 1, name: "x" } as const;
  const { processes } = summaryOf([
    { ...process, timeMs: START, uid: 1, reserved: 9 * MIB },
    { ...process, timeMs: START + 1, uid: 2, reserved: 20 * MIB },
  ]);
  assert.deepEqual(
    processes.map(({ uid, reserved }) => [uid, reserved / MIB]),
    [
      [2, 20],
      [1, 9],
    ],
  );
});

test("of ten thousand kinds of refusals and processes the greatest are known, and memory is bounded", () => {
  const records: HistoryRecord[] = [];
  for (let i = 0; i < 10_000; i++) {
    records.push(refused(1, 1, `p${i}`, i === 5000 ? 1000 : 1));
    const sizes = { reserved: (i === 5000 ? 1000 : 1) * MIB };
    records.push({ kind: "ended", timeMs: START, pid: i, uid: 1, name: `p${i}`, ...sizes });
  }
  const { refusals, processes } = summaryOf(records);
  assert.ok(refusals.length <= 4096 && processes.length <= 2 * 4096);
  assert.deepEqual([refusals[0]!.name, processes[0]!.name], ["p5000", "p5000"]);
});

test("the report says it for people", () => {
  const records: HistoryRecord[] = [
    { kind: "daemon", timeMs: START, event: "started", pid: 1 },
    uidRow(5, 1001, 10, 64),
    refused(5, 1001, "a b", 3),
    { kind: "daemon", timeMs: START + 6 * MINUTE, event: "resumed", pid: 2 },
  ];
  const lines = reportLines(summaryOf(records), (timeMs) => `T${(timeMs - START) / MINUTE}`);
  assert.deepEqual(lines, [
    "T0 to T10: 0 processes started, 3 refusals, the daemon began 1 time, was killed 1 time",
    "",
    " uid  reserved  peak  at  limit  refusals",
    "1001       10m   64m  T5      -         3",
    "",
    "1001 ▕    ██    ▏ 64m",
    "      T0     T10",
    "",
    "times  last   uid  pid  name    call  reason  asked  used  limit",
    "    3  T5    1001   75  a\\040b  mmap  rlimit   1.0m   60m    64m",
  ]);
});

test("sizes and charts are short", () => {
  assert.deepEqual([0, 4096, 1023 * 1024, 1.5 * 2 ** 30, Number.POSITIVE_INFINITY].map(shortSize), [
    "0",
    "4.0k",
    "1.0m",
    "1.5g",
    "-",
  ]);
  assert.equal(bars([0, 1, 50, 100], 100), " ▁▅█");
  assert.equal(bars([0, 0], 0), "  ");
});

test("an event is a line of words, whatever is in a name", () => {
  assert.equal(
    eventLine(refused(1, 1001, "a\nb", 1)),
    `refused 71 1001 a\\012b mmap 1048576 rlimit ${60 * MIB} ${64 * MIB} 1`,
  );
  assert.equal(
    eventLine({ kind: "limit", timeMs: 0, what: "process 3", soft: 4096, hard: Number.POSITIVE_INFINITY }),
    "limit process\\0403 4096 -1",
  );
  assert.equal(eventLine({ kind: "became", timeMs: 0, pid: 3, name: "" }), "became 3 -");
  assert.equal(eventLine(uidRow(1, 1, 1, 1)), undefined);
});

test("a moment is so long ago, or a time", () => {
  const moment = (text: string) => parseMoment(text, START, Date.parse);
  assert.deepEqual(
    [moment("90s"), moment("1.5h"), moment("2d")],
    [START - 90_000, START - 90 * MINUTE, START - 2880 * MINUTE],
  );
  assert.equal(moment("2026-11-26T03:00:00Z"), Date.UTC(2026, 10, 26, 3));
  for (const wrong of ["", "yesterday", "-2h", "5x"]) assert.throws(() => moment(wrong), /EINVAL/);
});
