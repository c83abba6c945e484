import { escapeOctal } from "../base/text.ts";
import { type HistoryRecord, type Kind, ROWS } from "./record.ts";

/** What the file `events` tells: not what is written every minute. */
const QUIET: ReadonlySet<Kind> = new Set(["uid", "job", "process", "total"]);

const FIELDS = new Map(ROWS.map(({ kind, fields }) => [kind, fields]));

/** The kind and its fields as one line without its end; a size without end is -1. Undefined for what is no event. */
export function eventLine(record: HistoryRecord): string | undefined {
  if (QUIET.has(record.kind)) return undefined;
  const values = record as unknown as Record<string, string | number>;
  const words = FIELDS.get(record.kind)!.map(([name, type]) => {
    const value = values[name]!;
    if (type === "text") return escapeOctal(value as string) || "-";
    return value === Number.POSITIVE_INFINITY ? "-1" : String(value);
  });
  return [record.kind, ...words].join(" ");
}
