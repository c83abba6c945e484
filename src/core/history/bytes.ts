/**
 * Numbers as bytes: seven bits a byte, the lowest first, the eighth says that there is another. Exact up to 2^53, so by arithmetic where the
 * operators would cut off at 32 bits.
 */
const MORE = 128;

/** A signed number as one that is not negative, small where it is near zero: 0, -1, 1, -2, 2 ... */
export const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);
export const unzigzag = (value: number): number => (value % 2 === 1 ? -(value + 1) / 2 : value / 2);

/** Bytes that grow up to what fits. */
export class ByteSink {
  readonly bytes: Uint8Array;
  length = 0;

  constructor(most: number) {
    this.bytes = new Uint8Array(most);
  }

  byte(value: number): void {
    this.bytes[this.length++] = value;
  }

  varint(value: number): void {
    let left = value;
    while (left >= MORE) {
      this.bytes[this.length++] = (left % MORE) + MORE;
      left = Math.floor(left / MORE);
    }
    this.bytes[this.length++] = left;
  }
}

/** Reads what {@link ByteSink} wrote. RangeError past the end, and where no number can be meant. */
export class ByteSource {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isEmpty(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new RangeError("a record ends too early");
    return value;
  }

  varint(): number {
    let value = 0;
    for (let unit = 1; ; unit *= MORE) {
      const byte = this.byte();
      value += (byte % MORE) * unit;
      if (value > Number.MAX_SAFE_INTEGER) throw new RangeError("a number is too large");
      if (byte < MORE) return value;
    }
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("a record ends too early");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
