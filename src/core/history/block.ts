import { fromLatin1 } from "../base/text.ts";
import { ByteSink, ByteSource, unzigzag, zigzag } from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import { type FieldType, type HistoryRecord, type Kind, ROWS, SIZE_UNIT } from "./record.ts";

/**
 * A block is what is written, and lost, as a whole: the length of its contents and their CRC-32, four bytes each, lowest first; then the time
 * that it begins at, and records. A record is its kind's number, the time since the one before, and its fields: a text is its number
 * in the block, or 0, its length and itself where it is new; anything else is the difference to the same field of the last record of the kind.
 * Nothing in a block refers to another one, so that a reader can begin at any.
 */
const HEAD = 8;
/** Of contents. A record of the longest texts is far below the slack. */
const MOST_BYTES = 8 * 1024;
const SLACK = 4096;
/** Longer texts are cut off. */
const LONGEST_TEXT = 255;

const KIND_NUMBERS: ReadonlyMap<Kind, number> = new Map(ROWS.map(({ kind }, number) => [kind, number]));

/** The difference of any two codes up to here is a number that {@link ByteSource} reads. */
const MOST_CODE = 2 ** 52 - 1;

/** What stands for `value` in a file, whatever it is: what is too large for it is the largest there can be, and what is no number is 0. */
const whole = (value: number): number => (value >= 0 ? Math.min(Math.floor(value), MOST_CODE) : 0);

const coded = (value: number, type: FieldType): number => {
  if (type === "number") return whole(value);
  return value === Number.POSITIVE_INFINITY ? 0 : whole(Math.round(value / SIZE_UNIT) + 1);
};
const decoded = (value: number, type: FieldType): number => {
  if (type === "number") return value;
  return value === 0 ? Number.POSITIVE_INFINITY : (value - 1) * SIZE_UNIT;
};

/** The last value of each field of each kind, by number. */
const noneBefore = (): Float64Array[] => ROWS.map(({ fields }) => new Float64Array(fields.length));

/** Makes blocks of records. */
export class BlockWriter {
  readonly #sink = new ByteSink(HEAD + MOST_BYTES + SLACK);
  readonly #texts = new Map<string, number>();
  #before = noneBefore();
  #timeMs = 0;

  get isEmpty(): boolean {
    return this.#sink.length === 0;
  }

  /** Whether the block is to be taken before another record is added. */
  get isFull(): boolean {
    return this.#sink.length >= HEAD + MOST_BYTES;
  }

  add(record: HistoryRecord): void {
    const sink = this.#sink;
    if (sink.length === 0) {
      sink.length = HEAD;
      this.#timeMs = whole(record.timeMs);
      sink.varint(this.#timeMs);
    }
    const number = KIND_NUMBERS.get(record.kind)!;
    const timeMs = whole(record.timeMs);
    sink.byte(number);
    sink.varint(zigzag(timeMs - this.#timeMs));
    this.#timeMs = timeMs;
    const values = record as unknown as Record<string, string | number>;
    const before = this.#before[number]!;
    const { fields } = ROWS[number]!;
    for (let i = 0; i < fields.length; i++) {
      const [name, type] = fields[i]!;
      const value = values[name]!;
      if (type === "text") {
        this.#text(value as string);
        continue;
      }
      const code = coded(value as number, type);
      sink.varint(zigzag(code - before[i]!));
      before[i] = code;
    }
  }

  #text(value: string): void {
    const known = this.#texts.get(value);
    if (known !== undefined) {
      this.#sink.varint(known);
      return;
    }
    const length = Math.min(value.length, LONGEST_TEXT);
    this.#texts.set(value, this.#texts.size + 1);
    this.#sink.varint(0);
    this.#sink.varint(length);
    for (let i = 0; i < length; i++) this.#sink.byte(value.charCodeAt(i));
  }

  /** The block as it goes into a file; the next record begins another. Undefined where there is none. */
  take(): Uint8Array | undefined {
    if (this.isEmpty) return undefined;
    const block = this.#sink.bytes.slice(0, this.#sink.length);
    const head = new DataView(block.buffer);
    head.setUint32(0, block.length - HEAD, true);
    head.setUint32(4, crc32(block.subarray(HEAD)), true);
    this.#sink.length = 0;
    this.#texts.clear();
    this.#before = noneBefore();
    return block;
  }
}

/** The contents of each block in `bytes`, up to the first that is not whole; returns where that would begin. */
export function* blocksIn(bytes: Uint8Array, from = 0): Generator<Uint8Array, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = from;
  while (at + HEAD <= bytes.length) {
    const length = view.getUint32(at, true);
    // Zeros, which a file system leaves where it has not written yet, would be an empty block.
    if (length === 0 || at + HEAD + length > bytes.length) break;
    const contents = bytes.subarray(at + HEAD, at + HEAD + length);
    if (view.getUint32(at + 4, true) !== crc32(contents)) break;
    yield contents;
    at += HEAD + length;
  }
  return at;
}

/** The records of a block, given its contents. RangeError for contents that no version of this program has written. */
export function* recordsIn(contents: Uint8Array): Generator<HistoryRecord, void> {
  const source = new ByteSource(contents);
  const texts: string[] = [];
  const before = noneBefore();
  const text = (): string => {
    const number = source.varint();
    if (number > 0) {
      const known = texts[number - 1];
      if (known === undefined) throw new RangeError(`there is no text ${number}`);
      return known;
    }
    const fresh = fromLatin1(source.take(source.varint()));
    texts.push(fresh);
    return fresh;
  };
  let timeMs = source.varint();
  while (!source.isEmpty) {
    const number = source.byte();
    const row = ROWS[number];
    // A later version's: nobody can know how long it is.
    if (!row) return;
    timeMs += unzigzag(source.varint());
    const record: Record<string, string | number> = { kind: row.kind, timeMs };
    for (const [i, [name, type]] of row.fields.entries()) {
      if (type === "text") record[name] = text();
      else {
        const last = before[number]!;
        last[i] = last[i]! + unzigzag(source.varint());
        record[name] = decoded(last[i]!, type);
      }
    }
    yield record as unknown as HistoryRecord;
  }
}

/** As {@link recordsIn}, as far as the contents can be read; returns whether that was to their end. */
export function* readableRecordsIn(contents: Uint8Array): Generator<HistoryRecord, boolean> {
  try {
    yield* recordsIn(contents);
    return true;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false;
  }
}

/** How many records a block has, with its head; what follows one that cannot be read counts as one. */
export function recordCount(block: Uint8Array): number {
  const records = readableRecordsIn(block.subarray(HEAD));
  let count = 0;
  for (let next = records.next(); ; next = records.next()) {
    if (next.done) return next.value ? count : count + 1;
    count++;
  }
}
