import type { HistoryRecord, RecordOf } from "./record.ts";

/** A record of `uid` tells of the time since the one before, and of that much at most. */
const MINUTE_MS = 60_000;
/** So many processes, and kinds of refusals, are remembered while records are read; the least of them are left out. */
const MOST_REMEMBERED = 4096;
const REMEMBERED_AGAIN = 1024;

/** A period, milliseconds since 1970, and what of it is wanted. */
export interface Period {
  readonly from: number;
  readonly to: number;
  readonly uid?: number | undefined;
  /** In how many parts it is shown. */
  readonly columns: number;
  /** Who asks for more bytes than this at once cannot want them; no bound without it. */
  readonly mostAsked?: number | undefined;
}

/** What a uid had; sizes in bytes. */
export interface UidSummary {
  readonly uid: number;
  /** Of the last record. */
  reserved: number;
  /** Infinity for none. */
  limit: number;
  peak: number;
  /** When it was told of {@link peak}. */
  peakMs: number;
  refusals: number;
  /** The most in each part of the period. */
  readonly chart: number[];
}

/** Calls of programs of one name that were refused alike. The figures are those of the last one. */
export interface RefusalSummary {
  readonly uid: number;
  readonly name: string;
  readonly call: string;
  readonly reason: string;
  pid: number;
  asked: number;
  used: number;
  limit: number;
  /** The most that was in use by the uid and asked for together; 0 where it was not the uid's limit that was in the way. */
  wanted: number;
  count: number;
  readonly firstMs: number;
  lastMs: number;
}

export interface ProcessSummary {
  readonly pid: number;
  readonly uid: number;
  name: string;
  /** The most that it was seen to have: bytes. */
  reserved: number;
  atMs: number;
}

export interface Summary {
  readonly period: Period;
  /** By uid. */
  readonly uids: readonly UidSummary[];
  /** Most first. */
  readonly refusals: readonly RefusalSummary[];
  /** Those that had most, the largest first. */
  readonly processes: readonly ProcessSummary[];
  readonly started: number;
  /** Calls. */
  readonly refused: number;
  /** How often a daemon began, and how often one that was killed was replaced. */
  readonly daemonStarts: number;
  readonly daemonResumes: number;
  readonly lost: number;
}

/** Adds up records, in the order in which they were written, to what they say of a period. */
export class Summarizer {
  readonly #period: Period;
  readonly #uids = new Map<number, UidSummary>();
  readonly #uidTimes = new Map<number, number>();
  readonly #refusals = new Map<string, RefusalSummary>();
  readonly #processes = new Map<number, ProcessSummary>();
  /** Of pids that were others' before. */
  readonly #gone: ProcessSummary[] = [];
  #started = 0;
  #refusedCalls = 0;
  #daemonStarts = 0;
  #daemonResumes = 0;
  #lost = 0;

  constructor(period: Period) {
    this.#period = period;
  }

  add(record: HistoryRecord): void {
    const { from, to, uid } = this.#period;
    if (record.timeMs < from || record.timeMs >= to) return;
    if (uid !== undefined && "uid" in record && record.uid !== uid) return;
    switch (record.kind) {
      case "uid":
        this.#uid(record);
        break;
      case "refused":
        this.#refused(record);
        break;
      case "started":
        this.#started++;
        this.#left(record.pid);
        break;
      case "became":
        this.#became(record);
        break;
      case "process":
        this.#has(record);
        break;
      case "ended":
        this.#has(record);
        this.#left(record.pid);
        break;
      case "daemon":
        if (record.event === "started") this.#daemonStarts++;
        else if (record.event === "resumed") this.#daemonResumes++;
        break;
      case "lost":
        this.#lost += record.count;
        break;
      default:
    }
  }

  #of(uid: number): UidSummary {
    let found = this.#uids.get(uid);
    if (!found) {
      const chart = new Array<number>(this.#period.columns).fill(0);
      found = { uid, reserved: 0, limit: Number.POSITIVE_INFINITY, peak: 0, peakMs: 0, refusals: 0, chart };
      this.#uids.set(uid, found);
    }
    return found;
  }

  #column(timeMs: number): number {
    const { from, to, columns } = this.#period;
    return Math.min(columns - 1, Math.max(0, Math.floor(((timeMs - from) / (to - from)) * columns)));
  }

  #uid({ uid, timeMs, reserved, limit, peak }: RecordOf<"uid">): void {
    const row = this.#of(uid);
    const since = Math.max(timeMs - MINUTE_MS, this.#uidTimes.get(uid) ?? 0);
    this.#had(row, peak, since, timeMs);
    this.#uidTimes.set(uid, timeMs);
    row.reserved = reserved;
    row.limit = limit;
  }

  /** A uid had that much, or more, at some moment between two. */
  #had(row: UidSummary, bytes: number, since: number, timeMs: number): void {
    for (let at = this.#column(since); at <= this.#column(timeMs); at++) {
      row.chart[at] = Math.max(row.chart[at]!, bytes);
    }
    if (bytes <= row.peak) return;
    row.peak = bytes;
    row.peakMs = timeMs;
  }

  #refused({ kind: _, timeMs, count, pid, uid, name, call, asked, reason, used, limit }: RecordOf<"refused">): void {
    const row = this.#of(uid);
    row.refusals += count;
    this.#refusedCalls += count;
    // What was in use, where that is the uid's.
    if (reason === "rlimit") this.#had(row, used, timeMs, timeMs);
    const key = `${uid} ${call} ${reason} ${name}`;
    const found = this.#refusals.get(key);
    const counts = reason === "rlimit" && asked <= (this.#period.mostAsked ?? Number.POSITIVE_INFINITY);
    const wanted = Math.max(counts ? used + asked : 0, found?.wanted ?? 0);
    if (found) Object.assign(found, { pid, asked, used, limit, wanted, count: found.count + count, lastMs: timeMs });
    else {
      this.#refusals.set(key, {
        ...{ uid, name, call, reason, pid, asked, used, limit, wanted, count },
        ...{ firstMs: timeMs, lastMs: timeMs },
      });
      keepMost(this.#refusals, (refusal) => refusal.count);
    }
  }

  #became({ pid, name }: RecordOf<"became">): void {
    const process = this.#processes.get(pid);
    if (process) process.name = name;
  }

  #has({ pid, uid, name, reserved, timeMs }: RecordOf<"process" | "ended">): void {
    // Of a minute that is not over, or was not written down.
    this.#had(this.#of(uid), reserved, timeMs, timeMs);
    // That one's end was left out.
    if (this.#processes.get(pid)?.uid !== uid) this.#left(pid);
    const process = this.#processes.get(pid);
    if (!process) {
      this.#processes.set(pid, { pid, uid, name, reserved, atMs: timeMs });
      keepMost(this.#processes, (each) => each.reserved);
    } else if (reserved > process.reserved) Object.assign(process, { name, reserved, atMs: timeMs });
  }

  /** Whoever has that pid next is another. */
  #left(pid: number): void {
    const process = this.#processes.get(pid);
    if (!process) return;
    this.#processes.delete(pid);
    this.#gone.push(process);
    if (this.#gone.length <= MOST_REMEMBERED) return;
    this.#gone.sort(byReserved).length = REMEMBERED_AGAIN;
  }

  summary(): Summary {
    return {
      period: this.#period,
      uids: [...this.#uids.values()].sort((a, b) => a.uid - b.uid),
      refusals: [...this.#refusals.values()].sort((a, b) => b.count - a.count || b.lastMs - a.lastMs),
      processes: [...this.#gone, ...this.#processes.values()].sort(byReserved),
      started: this.#started,
      refused: this.#refusedCalls,
      daemonStarts: this.#daemonStarts,
      daemonResumes: this.#daemonResumes,
      lost: this.#lost,
    };
  }
}

const byReserved = (a: ProcessSummary, b: ProcessSummary): number => b.reserved - a.reserved;

function keepMost<K, V>(all: Map<K, V>, weight: (value: V) => number): void {
  if (all.size <= MOST_REMEMBERED) return;
  const least = [...all].sort(([, a], [, b]) => weight(a) - weight(b)).slice(0, all.size - REMEMBERED_AGAIN);
  for (const [key] of least) all.delete(key);
}
