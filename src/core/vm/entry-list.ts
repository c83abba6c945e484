import { invariant } from "../base/assert.ts";
import type { VmMapEntry } from "./entry.ts";

/** How many entries a chunk holds at most. A full one splits in two. */
const CHUNK = 64;

/** A run of neighbouring entries and an array of their starts, so that a search reads only numbers. */
interface Chunk {
  readonly entries: VmMapEntry[];
  readonly starts: number[];
}

/**
 * The entries of one map in order of address: linked to their neighbours, and in chunks that are searched by halves. The
 * start of an entry that is in here changes through {@link lower} only.
 */
export class EntryList {
  readonly #chunks: Chunk[] = [];
  /** The start of each chunk. */
  readonly #firsts: number[] = [];
  #first: VmMapEntry | undefined = undefined;
  #count = 0;

  get first(): VmMapEntry | undefined {
    return this.#first;
  }

  get count(): number {
    return this.#count;
  }

  /** The entry with the greatest start that is not above `page`. */
  atOrBelow(page: number): VmMapEntry | undefined {
    const at = below(this.#firsts, page);
    if (at < 0) return undefined;
    const { entries, starts } = this.#chunks[at]!;
    return entries[below(starts, page)];
  }

  /** Puts `entry` where its start belongs. It must not overlap another. */
  insert(entry: VmMapEntry): void {
    const { start } = entry;
    const at = Math.max(0, below(this.#firsts, start));
    const chunk = this.#chunks[at];
    this.#count++;
    if (!chunk) {
      this.#chunks.push({ entries: [entry], starts: [start] });
      this.#firsts.push(start);
      this.#first = entry;
      return;
    }
    const { entries, starts } = chunk;
    const index = below(starts, start) + 1;
    const previous = entries[index - 1];
    link(previous, entry, previous ? previous.next : this.#first);
    if (index === 0) {
      this.#first = entry;
      this.#firsts[at] = start;
    }
    if (index === entries.length) {
      entries.push(entry);
      starts.push(start);
    } else {
      entries.splice(index, 0, entry);
      starts.splice(index, 0, start);
    }
    if (entries.length > CHUNK) this.#split(at);
  }

  /** Puts `entry` behind all others: what a fork does, in order. */
  append(entry: VmMapEntry): void {
    const chunk = this.#chunks[this.#chunks.length - 1];
    const last = chunk?.entries[chunk.entries.length - 1];
    this.#count++;
    link(last, entry, undefined);
    if (!last) this.#first = entry;
    if (chunk && chunk.entries.length < CHUNK) {
      chunk.entries.push(entry);
      chunk.starts.push(entry.start);
    } else {
      this.#chunks.push({ entries: [entry], starts: [entry.start] });
      this.#firsts.push(entry.start);
    }
  }

  remove(entry: VmMapEntry): void {
    const [at, index] = this.#find(entry);
    const { entries, starts } = this.#chunks[at]!;
    this.#count--;
    const { previous, next } = entry;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    entry.previous = undefined;
    entry.next = undefined;
    if (entries.length === 1) {
      this.#chunks.splice(at, 1);
      this.#firsts.splice(at, 1);
      return;
    }
    if (index === entries.length - 1) {
      entries.pop();
      starts.pop();
      return;
    }
    entries.splice(index, 1);
    starts.splice(index, 1);
    if (index === 0) this.#firsts[at] = starts[0]!;
  }

  /** Gives `entry` a new start, which must be free and above its predecessor's. */
  lower(entry: VmMapEntry, start: number): void {
    const [at, index] = this.#find(entry);
    entry.start = start;
    this.#chunks[at]!.starts[index] = start;
    if (index === 0) this.#firsts[at] = start;
  }

  *[Symbol.iterator](): IterableIterator<VmMapEntry> {
    for (let entry = this.#first; entry; entry = entry.next) yield entry;
  }

  #find(entry: VmMapEntry): readonly [chunk: number, index: number] {
    const at = below(this.#firsts, entry.start);
    const chunk = this.#chunks[at];
    const index = chunk ? below(chunk.starts, entry.start) : -1;
    invariant(chunk?.entries[index] === entry, "vm/entry-list: the entry is not in this map");
    return [at, index];
  }

  #split(at: number): void {
    const { entries, starts } = this.#chunks[at]!;
    const half = entries.length >>> 1;
    const rear = { entries: entries.splice(half), starts: starts.splice(half) };
    this.#chunks.splice(at + 1, 0, rear);
    this.#firsts.splice(at + 1, 0, rear.starts[0]!);
  }
}

/** The last index of ascending `starts` whose value is at or below `page`, -1 if none is. */
function below(starts: readonly number[], page: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= page) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function link(previous: VmMapEntry | undefined, entry: VmMapEntry, next: VmMapEntry | undefined): void {
  entry.previous = previous;
  entry.next = next;
  if (previous) previous.next = entry;
  if (next) next.previous = entry;
}
