/** Reads memory or file bytes: how many came; 0 at the end or where there is nothing. Never throws for holes. */
export interface ByteSource {
  read(at: number, into: Uint8Array): number;
}

const BLOCK = 4096;
/** Blocks kept of one source: 2 MiB. */
const MAX_BLOCKS = 512;
const NOTHING = new Uint8Array(0);

/** A source whose blocks are read once and kept, so that the many small reads of a search cost one each. */
export class BlockCache implements ByteSource {
  readonly #source: ByteSource;
  readonly #blocks = new Map<number, Uint8Array>();

  constructor(source: ByteSource) {
    this.#source = source;
  }

  #block(index: number): Uint8Array {
    let block = this.#blocks.get(index);
    if (!block) {
      if (this.#blocks.size >= MAX_BLOCKS) this.#blocks.clear();
      const fresh = new Uint8Array(BLOCK);
      const count = this.#source.read(index * BLOCK, fresh);
      block = count === BLOCK ? fresh : count > 0 ? fresh.subarray(0, count) : NOTHING;
      this.#blocks.set(index, block);
    }
    return block;
  }

  read(at: number, into: Uint8Array): number {
    if (!(at >= 0 && at <= Number.MAX_SAFE_INTEGER)) return 0;
    if (into.length > MAX_BLOCKS * BLOCK) return this.#source.read(at, into);
    let done = 0;
    while (done < into.length) {
      const from = (at + done) % BLOCK;
      const block = this.#block((at + done - from) / BLOCK);
      if (from >= block.length) break;
      const part = block.subarray(from, from + into.length - done);
      into.set(part, done);
      done += part.length;
      if (from + part.length < BLOCK) break;
    }
    return done;
  }
}

/** Exactly `length` bytes at `at`; undefined where there are fewer. */
export function readExactly(source: ByteSource, at: number, length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  return source.read(at, bytes) === length ? bytes : undefined;
}

/** As many of `length` bytes at `at` as there are. */
export function readUpTo(source: ByteSource, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, source.read(at, bytes));
}

const word = new Uint8Array(8);
const wordView = new DataView(word.buffer);

/** The 64-bit word at `at`, exact below 2^53; undefined where there is none. */
export function readWord(source: ByteSource, at: number): number | undefined {
  if (source.read(at, word) !== 8) return undefined;
  return wordView.getUint32(4, true) * 2 ** 32 + wordView.getUint32(0, true);
}

/** The address at `at` without the bits that a processor puts above it as a signature. */
export function readAddress(source: ByteSource, at: number, bits: number): number | undefined {
  if (source.read(at, word) !== 8) return undefined;
  return (wordView.getUint32(4, true) % 2 ** (bits - 32)) * 2 ** 32 + wordView.getUint32(0, true);
}
