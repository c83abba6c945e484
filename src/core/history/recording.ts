import { BlockWriter } from "./block.ts";
import type { HistoryRecord, Kind, RecordOf } from "./record.ts";
import { Shares } from "./shares.ts";

export type Refused = Omit<RecordOf<"refused">, "kind" | "count">;

/** Refusals that are alike are one record a second. */
const ALIKE_MS = 1000;
/** So many kinds of them are told apart, a uid's and in all; others are lost. */
const MOST_ALIKE_OF_UID = 256;
const MOST_ALIKE = 4096;
/** So many records a second are kept; the others are counted. */
const MOST_A_SECOND = 20_000;
/** Of which those that are made by whoever starts many processes. */
const MOST_LIVES_A_SECOND = 12_000;

/** What tells of the life of a process: it is left out first. */
const LIVES: ReadonlySet<Kind> = new Set(["started", "became", "ended"]);

interface Alike {
  readonly last: Refused;
  count: number;
}

/**
 * Turns what happens into blocks. Adding a record costs a fraction of a microsecond and holds a block at most, however much happens: what
 * is beyond {@link MOST_A_SECOND}, or a uid's share, is counted as lost, and refusals that are alike are counted together.
 */
export class Recording {
  readonly #writer = new BlockWriter();
  readonly #full: (block: Uint8Array) => void;
  readonly #alike = new Map<string, Alike>();
  /** How many of {@link #alike} are each uid's. */
  readonly #kinds = new Map<number, number>();
  readonly #lives = new Shares<number>();
  readonly #refusals = new Shares<number>();
  /** By the first word of whose limit it is: a process's own may be set by its user, as often as he likes. */
  readonly #limits = new Shares<string>();
  /** When refusals that are alike, and how many records there were, are counted anew: milliseconds since 1970. */
  #until = 0;
  #added = 0;
  #lost = 0;

  /** `full` is given each block as it becomes full. */
  constructor(full: (block: Uint8Array) => void) {
    this.#full = full;
  }

  /** Whether {@link take} has something, now or once refusals that are alike have been counted. */
  get hasMore(): boolean {
    return !this.#writer.isEmpty || this.#alike.size > 0 || this.#lost > 0;
  }

  /** `uid`: whose doing it is, where the record is of the life of a process. */
  add(record: HistoryRecord, uid?: number): void {
    this.#turn(record.timeMs);
    this.#add(record, uid);
  }

  /** The first one is a record at once; those like it within the same second become one together. */
  refused(call: Refused): void {
    this.#turn(call.timeMs);
    const key = `${call.pid} ${call.call} ${call.reason}`;
    const alike = this.#alike.get(key);
    if (alike) this.#alike.set(key, { last: call, count: alike.count + 1 });
    else if (this.#alike.size >= MOST_ALIKE || this.#kindsOf(call.uid) >= MOST_ALIKE_OF_UID) this.#lost++;
    else {
      this.#kinds.set(call.uid, this.#kindsOf(call.uid) + 1);
      this.#alike.set(key, { last: call, count: 0 });
      this.#add({ kind: "refused", ...call, count: 1 });
    }
  }

  #kindsOf(uid: number): number {
    return this.#kinds.get(uid) ?? 0;
  }

  #turn(now: number): void {
    // Also where the clock was set back.
    if (now < this.#until && now >= this.#until - ALIKE_MS) return;
    this.#until = now + ALIKE_MS;
    this.#added = 0;
    this.#tellAlike();
    if (this.#lost === 0) return;
    this.#add({ kind: "lost", timeMs: now, count: this.#lost });
    this.#lost = 0;
  }

  #tellAlike(): void {
    if (this.#alike.size === 0) return;
    for (const { last, count } of this.#alike.values()) if (count > 0) this.#add({ kind: "refused", ...last, count });
    this.#alike.clear();
    this.#kinds.clear();
  }

  /** Whether one more is within the share of whose doing it is. */
  #isWithinShare(record: HistoryRecord, uid: number | undefined): boolean {
    const { kind, timeMs } = record;
    if (kind === "refused") return this.#refusals.take(record.uid, timeMs);
    if (kind === "limit") return this.#limits.take(record.what.split(" ", 1)[0]!, timeMs);
    return uid === undefined || this.#lives.take(uid, timeMs);
  }

  #add(record: HistoryRecord, uid?: number): void {
    const most = LIVES.has(record.kind) ? MOST_LIVES_A_SECOND : MOST_A_SECOND;
    if (this.#added >= most || !this.#isWithinShare(record, uid)) {
      this.#lost++;
      return;
    }
    this.#added++;
    this.#writer.add(record);
    if (this.#writer.isFull) this.#full(this.#writer.take()!);
  }

  /** What there is as a block. `last`: refusals that are alike are told now, as nothing comes any more. */
  take(now: number, last = false): Uint8Array | undefined {
    if (last) this.#until = 0;
    this.#turn(now);
    return this.#writer.take();
  }
}
