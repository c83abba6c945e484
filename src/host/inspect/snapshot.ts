import { type Errno, isErrno } from "../../core/base/errno.ts";
import type { AddressSpace } from "../../core/procfs/ports.ts";
import type { ByteSource } from "../../core/symbols/byte-source.ts";
import { Parked } from "../../core/vfs/parked.ts";

const PAGE = 4096;
const NOTHING = new Uint8Array(0);

/** For long reads, one after the other: a buffer for each would be most of what a look at a stack costs. */
let scratch: Buffer | undefined;

/** Whoever has filled it gives it back. */
function takeScratch(length: number): Buffer {
  const taken = scratch;
  scratch = undefined;
  return taken?.length === length ? taken : Buffer.allocUnsafeSlow(length);
}

/** Memory of a process, page by page as it is needed: each page is read once, so all that is read of it fits together. */
export class Snapshot implements ByteSource {
  readonly #space: AddressSpace;
  readonly #pages = new Map<number, Uint8Array>();
  #awaited: Parked<void> | undefined;

  constructor(space: AddressSpace) {
    this.#space = space;
  }

  /**
   * The read that has to be waited for before more can be known: whoever used the snapshot then uses it again. Undefined
   * when everything asked for was there, or is not to be had.
   */
  takeAwaited(): Parked<void> | undefined {
    const awaited = this.#awaited;
    this.#awaited = undefined;
    return awaited;
  }

  /** Reads up to `length` bytes from the page of `address` on in one go; up to the first hole. */
  prefetch(address: number, length: number): void {
    const start = address - (address % PAGE);
    if (Number.isSafeInteger(start) && !this.#pages.has(start)) this.#fetch(start, length);
  }

  read(at: number, into: Uint8Array): number {
    if (!(at >= 0 && at <= Number.MAX_SAFE_INTEGER)) return 0;
    let done = 0;
    while (done < into.length) {
      const from = (at + done) % PAGE;
      const start = at + done - from;
      const page = this.#pages.get(start) ?? this.#fetch(start, PAGE);
      if (from >= page.length) break;
      const part = page.subarray(from, from + into.length - done);
      into.set(part, done);
      done += part.length;
    }
    return done;
  }

  /** The first page; nothing while it is still awaited. */
  #fetch(start: number, length: number): Uint8Array {
    if (this.#awaited) return NOTHING;
    const bytes = length > PAGE ? takeScratch(length) : Buffer.allocUnsafe(length);
    try {
      const count = this.#space.read(start, bytes);
      if (count instanceof Parked) this.#await(start, bytes, count);
      else if (length <= PAGE) return this.#keep(start, bytes.subarray(0, count));
      else {
        // What is there is often much less than was asked for.
        const there = new Uint8Array(bytes.subarray(0, count));
        scratch = bytes;
        return this.#keep(start, there);
      }
    } catch (error) {
      if (!isErrno(error, "EFAULT")) throw error;
      return this.#keep(start, NOTHING);
    }
    return NOTHING;
  }

  #await(start: number, bytes: Uint8Array, count: Parked<number>): void {
    const awaited = new Parked<void>(() => count.interrupt());
    this.#awaited = awaited;
    count.listen({
      settled: (length) => {
        this.#keep(start, bytes.subarray(0, length));
        awaited.settle();
      },
      failed: (error: Errno) => {
        if (error.code !== "EFAULT") return awaited.fail(error);
        this.#keep(start, NOTHING);
        awaited.settle();
      },
    });
  }

  #keep(start: number, bytes: Uint8Array): Uint8Array {
    this.#pages.set(start, bytes.subarray(0, PAGE));
    for (let at = PAGE; at < bytes.length; at += PAGE) this.#pages.set(start + at, bytes.subarray(at, at + PAGE));
    return this.#pages.get(start)!;
  }
}
