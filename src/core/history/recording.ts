import { BlockWriter } from "./block.ts";
import type { HistoryRecord, RecordOf } from "./record.ts";

export type Refused = Omit<RecordOf<"refused">, "kind" | "count">;

/** Refusals that are alike are one record a second. */
const ALIKE_MS = 1000;
/** So many kinds of them are told apart; others are lost. */
const MOST_ALIKE = 256;
/** So many records a second are kept; the others are counted. */
const MOST_A_SECOND = 20_000;

interface Alike {
  readonly last: Refused;
  count: number;
}

/**
 * Turns what happens into blocks. Adding a record costs a fraction of a microsecond and holds a block at most, however much happens: what
 * is beyond {@link MOST_A_SECOND} is counted as lost, and refusals that are alike are counted together.
 */
export class Recording {
  readonly #writer = new BlockWriter();
  readonly #full: (block: Uint8Array) => void;
  readonly #alike = new Map<string, Alike>();
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

  add(record: HistoryRecord): void {
    this.#turn(record.timeMs);
    this.#add(record);
  }

  /** The first one is a record at once; those like it within the same second become one together. */
  refused(call: Refused): void {
    this.#turn(call.timeMs);
    const key = `${call.pid} ${call.call} ${call.reason}`;
    const alike = this.#alike.get(key);
    if (alike) this.#alike.set(key, { last: call, count: alike.count + 1 });
    else if (this.#alike.size >= MOST_ALIKE) this.#lost++;
    else {
      this.#alike.set(key, { last: call, count: 0 });
      this.#add({ kind: "refused", ...call, count: 1 });
    }
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
  }

  #add(record: HistoryRecord): void {
    if (this.#added >= MOST_A_SECOND) {
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
