import { escapeOctal } from "../base/text.ts";
import type { ProcessSummary, RefusalSummary, Summary, UidSummary } from "./summary.ts";

const BARS = "▁▂▃▄▅▆▇█";
const UNITS = ["", "k", "m", "g", "t"] as const;

/** For people: three digits at most, and a unit of 1024. `-` for no limit. */
export function shortSize(bytes: number): string {
  if (bytes === Number.POSITIVE_INFINITY) return "-";
  let unit = 0;
  let amount = bytes;
  for (; amount >= 1000 && unit < UNITS.length - 1; unit++) amount /= 1024;
  const digits = unit > 0 && amount < 10 ? 1 : 0;
  return amount.toFixed(digits) + UNITS[unit];
}

/** How times are written: local time, as the caller has it. */
export type ShowTime = (timeMs: number) => string;

/** The parts of a chart as characters: a blank for nothing, else an eighth for each eighth of `most`. */
export function bars(values: readonly number[], most: number): string {
  return values
    .map((value) => (value <= 0 || most <= 0 ? " " : BARS[Math.min(7, Math.floor((value / most) * 8))]!))
    .join("");
}

/** Lines of columns: numbers to the right, and what is in `left` to the left. */
function columns(rows: readonly (readonly string[])[], left: readonly number[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (left.includes(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
}

const count = (number: number, what: string, many: string): string => `${number} ${number === 1 ? what : many}`;

function uidLines(uids: readonly UidSummary[], time: ShowTime): string[] {
  const rows = uids.map(({ uid, reserved, peak, peakMs, limit, refusals }) => [
    ...[uid, shortSize(reserved), shortSize(peak), peak > 0 ? time(peakMs) : "-"].map(String),
    ...[shortSize(limit), refusals].map(String),
  ]);
  return columns([["uid", "reserved", "peak", "at", "limit", "refusals"], ...rows], [3]);
}

function chartLines(uids: readonly UidSummary[], { from, to }: Summary["period"], time: ShowTime): string[] {
  const drawn = uids.filter(({ peak }) => peak > 0);
  if (drawn.length === 0) return [];
  const width = Math.max(...drawn.map(({ uid }) => String(uid).length));
  const lines = drawn.map(({ uid, chart, peak }) => {
    return `${String(uid).padStart(width)} ▕${bars(chart, peak)}▏ ${shortSize(peak)}`;
  });
  const [begin, end] = [time(from), time(to)];
  const room = drawn[0]!.chart.length - begin.length;
  return ["", ...lines, `${" ".repeat(width + 2)}${begin}${end.padStart(Math.max(end.length + 1, room))}`];
}

function refusalLines(refusals: readonly RefusalSummary[], most: number, time: ShowTime): string[] {
  if (refusals.length === 0) return [];
  const rows = refusals.slice(0, most).map((each) => {
    const { count, lastMs, uid, pid, name, call, asked, reason, used, limit } = each;
    const sizes = [asked, used, limit].map(shortSize);
    return [String(count), time(lastMs), String(uid), String(pid), ...[name, call, reason].map(wordOf), ...sizes];
  });
  const head = ["times", "last", "uid", "pid", "name", "call", "reason", "asked", "used", "limit"];
  return ["", ...columns([head, ...rows], [1, 4, 5, 6]), ...andMore(refusals.length - most)];
}

function processLines(processes: readonly ProcessSummary[], most: number, time: ShowTime): string[] {
  const large = processes.filter(({ reserved }) => reserved > 0);
  if (large.length === 0) return [];
  const rows = large.slice(0, most).map(({ pid, uid, name, reserved, atMs }) => {
    return [shortSize(reserved), time(atMs), String(uid), String(pid), wordOf(name)];
  });
  return ["", ...columns([["reserved", "at", "uid", "pid", "name"], ...rows], [1, 4])];
}

/** A text as one word, whatever is in it. */
const wordOf = (text: string): string => escapeOctal(text) || "-";

const andMore = (left: number): string[] => (left > 0 ? [`and ${left} more`] : []);

/** How many rows of refusals and processes are shown. */
export interface ReportSize {
  readonly refusals: number;
  readonly processes: number;
}

export const USUAL_SIZE: ReportSize = { refusals: 10, processes: 10 };

/** What a period was like, for people: lines. */
export function reportLines(summary: Summary, time: ShowTime, size: ReportSize = USUAL_SIZE): string[] {
  const { period, uids, refusals, processes, started, refused, daemonStarts, daemonResumes, lost } = summary;
  const said = [
    count(started, "process started", "processes started"),
    count(refused, "refusal", "refusals"),
    ...(daemonStarts > 0 ? [`the daemon began ${count(daemonStarts, "time", "times")}`] : []),
    ...(daemonResumes > 0 ? [`was killed ${count(daemonResumes, "time", "times")}`] : []),
    ...(lost > 0 ? [`${count(lost, "record", "records")} lost`] : []),
  ];
  return [
    `${time(period.from)} to ${time(period.to)}: ${said.join(", ")}`,
    ...(uids.length > 0 ? ["", ...uidLines(uids, time)] : []),
    ...chartLines(uids, period, time),
    ...refusalLines(refusals, size.refusals, time),
    ...processLines(processes, size.processes, time),
  ];
}
