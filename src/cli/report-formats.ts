import type { Summary } from "../core/history/summary.ts";

/** Sizes without end are null, times are milliseconds since 1970. */
export function reportJson(summary: Summary): string {
  return JSON.stringify(summary, (_key, value) => (value === Number.POSITIVE_INFINITY ? null : value), 2);
}

const REFUSAL_FIELDS = [
  "count",
  "firstMs",
  "lastMs",
  "uid",
  "pid",
  "name",
  "call",
  "reason",
  "asked",
  "used",
  "limit",
] as const;
const UID_FIELDS = ["uid", "reserved", "peak", "peakMs", "limit", "refusals"] as const;

/** RFC 4180, but for the ends of lines. */
function cell(value: string | number): string {
  if (value === Number.POSITIVE_INFINITY) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function table<F extends string>(
  fields: readonly F[],
  rows: readonly Readonly<Record<F, string | number>>[],
): string[] {
  return [fields.join(","), ...rows.map((row) => fields.map((field) => cell(row[field])).join(","))];
}

/** A line each uid, or each kind of refusal, below a line of names. A size without end is empty. */
export function reportCsv(summary: Summary, isOfRefusals: boolean): string[] {
  return isOfRefusals ? table(REFUSAL_FIELDS, summary.refusals) : table(UID_FIELDS, summary.uids);
}
