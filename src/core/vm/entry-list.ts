import { invariant } from "../base/assert.ts";
import type { VmMapEntry } from "./entry.ts";

/** Entries a chunk holds at most; it splits in two when it is full. */
const CHUNK = 128;

/** The entries of one map in order of address: linked to their neighbours, and in chunks that are searched by halves. */
export class EntryList {
  readonly #chunks: VmMapEntry[][] = [];
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
    const chunk = this.#chunks[this.#chunkOf(page)];
    return chunk?.[below(chunk, page)];
  }

  /** Puts `entry` where its start belongs. It must not overlap another. */
  insert(entry: VmMapEntry): void {
    const at = Math.max(0, this.#chunkOf(entry.start));
    const chunk = this.#chunks[at];
    this.#count++;
    if (!chunk) {
      this.#chunks.push([entry]);
      this.#first = entry;
      return;
    }
    const index = below(chunk, entry.start) + 1;
    const previous = chunk[index - 1];
    link(previous, entry, previous ? previous.next : this.#first);
    if (!previous) this.#first = entry;
    if (index === chunk.length) chunk.push(entry);
    else chunk.splice(index, 0, entry);
    if (chunk.length > CHUNK) this.#split(at);
  }

  /** Puts `entry` behind all others: what a fork does, in order. */
  append(entry: VmMapEntry): void {
    const chunk = this.#chunks[this.#chunks.length - 1];
    const last = chunk?.[chunk.length - 1];
    this.#count++;
    link(last, entry, undefined);
    if (!last) this.#first = entry;
    if (chunk && chunk.length < CHUNK) chunk.push(entry);
    else this.#chunks.push([entry]);
  }

  remove(entry: VmMapEntry): void {
    const at = this.#chunkOf(entry.start);
    const chunk = this.#chunks[at]!;
    const index = below(chunk, entry.start);
    invariant(chunk[index] === entry, "vm/entry-list: the entry is not in this map");
    this.#count--;
    const { previous, next } = entry;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    entry.previous = undefined;
    entry.next = undefined;
    if (chunk.length === 1) this.#chunks.splice(at, 1);
    else if (index === chunk.length - 1) chunk.pop();
    else chunk.splice(index, 1);
  }

  *[Symbol.iterator](): IterableIterator<VmMapEntry> {
    for (let entry = this.#first; entry; entry = entry.next) yield entry;
  }

  /** The last chunk that begins at or below `page`, -1 if none does. */
  #chunkOf(page: number): number {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (chunks[middle]![0]!.start <= page) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #split(at: number): void {
    const chunk = this.#chunks[at]!;
    this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK >>> 1));
  }
}

/** The last index of `chunk` whose entry starts at or below `page`, -1 if none does. */
function below(chunk: readonly VmMapEntry[], page: number): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunk[middle]!.start <= page) low = middle + 1;
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
