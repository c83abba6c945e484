/**
 * `number`: whole and not negative. `size`: bytes, a multiple of {@link SIZE_UNIT}, Infinity for none. `text`: one character a byte.
 */
export type FieldType = "number" | "size" | "text";

/** Sizes are kept in this unit: every page size is a multiple of it. */
export const SIZE_UNIT = 4096;

/**
 * THE list of what history knows, a row a kind, with its fields in the order in which they are kept, printed and documented. A kind's place in
 * the list is its number in the files: new kinds go to the end, and a field is never added to a kind that is there.
 */
export const KINDS = {
  /** A process has come under accounting: by `run`, by the word `account`, or as somebody's child. */
  started: { pid: "number", uid: "number", job: "number", name: "text" },
  /** It has executed a program. */
  became: { pid: "number", name: "text" },
  /** What it had reserved at most when it went. */
  ended: { pid: "number", uid: "number", reserved: "size", name: "text" },
  /** `count` calls of a process were refused alike since the last such record; the figures are those of the last one. */
  refused: {
    pid: "number",
    uid: "number",
    name: "text",
    call: "text",
    asked: "size",
    reason: "text",
    used: "size",
    limit: "size",
    count: "number",
  },
  /** Each minute: what a uid has, what it may have, and the most that it has had since the last such record. */
  uid: { uid: "number", reserved: "size", limit: "size", peak: "size" },
  /** Each minute: what a job has, and may have. */
  job: { job: "number", reserved: "size", limit: "size" },
  /** Each minute: one of the processes that have most. */
  process: { pid: "number", uid: "number", job: "number", reserved: "size", name: "text" },
  /** Each minute: all of it, and how many processes. */
  total: { reserved: "size", supply: "size", processes: "number" },
  /** A limit is another: `uid 1001`, `process 17`, `job 3`, `policy`. */
  limit: { what: "text", soft: "size", hard: "size" },
  /** `started`, `resumed` after one that was killed, `stopped`. */
  daemon: { event: "text", pid: "number" },
  /** So many records were left out, because too many came at once or they could not be written. */
  lost: { count: "number" },
} as const;

export type Kind = keyof typeof KINDS;

type ValueOf<T> = T extends "text" ? string : number;
type FieldsOf<K extends Kind> = { readonly [F in keyof (typeof KINDS)[K]]: ValueOf<(typeof KINDS)[K][F]> };

/** One thing that happened, and when: milliseconds since 1970. */
export type RecordOf<K extends Kind> = { readonly kind: K; readonly timeMs: number } & FieldsOf<K>;
export type HistoryRecord = { [K in Kind]: RecordOf<K> }[Kind];

/** The name and type of each field, of each kind in order. */
export const ROWS: readonly { readonly kind: Kind; readonly fields: readonly (readonly [string, FieldType])[] }[] =
  Object.entries(KINDS).map(([kind, fields]) => ({ kind: kind as Kind, fields: Object.entries(fields) }));
