import { Errno } from "../../base/errno.ts";
import { HEADER_SIZE } from "./codec.ts";

/** What is set aside for a frame at first; more only as its bytes arrive, whatever size it announces. */
const FIRST_ROOM = 16 * 1024;

/** Cuts a stream of bytes into frames. Holds at most one unfinished frame. */
export class FrameSplitter {
  #limit: number;
  #bytes: Uint8Array = new Uint8Array(HEADER_SIZE);
  #filled = 0;

  readonly #firstRoom: number;

  /**
   * `limit`: bytes a frame may have: msize, once it is agreed on. `firstRoom`: what is set aside for a frame before its bytes
   * are there; a client may trust its server.
   */
  constructor(limit: number, firstRoom: number = FIRST_ROOM) {
    this.#limit = limit;
    this.#firstRoom = firstRoom;
  }

  /** For the frames from now on. */
  setLimit(limit: number): void {
    this.#limit = limit;
  }

  /** Whether a frame has begun and not ended. */
  get unfinished(): boolean {
    return this.#filled > 0;
  }

  /** The frames that `chunk` completes, in order, each in memory of its own. EPROTO: there is no way back into step. */
  *push(chunk: Uint8Array): IterableIterator<Uint8Array> {
    for (let at = 0; at < chunk.length; ) {
      while (this.#filled < 4 && at < chunk.length) this.#bytes[this.#filled++] = chunk[at++]!;
      if (this.#filled < 4) return;
      const size = new DataView(this.#bytes.buffer).getUint32(0, true);
      if (size < HEADER_SIZE || size > this.#limit) throw new Errno("EPROTO", `a message of ${size} bytes`);
      const part = chunk.subarray(at, at + size - this.#filled);
      this.#room(this.#filled + part.length, size);
      this.#bytes.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < size) return;
      const frame = this.#bytes.subarray(0, size);
      this.#bytes = new Uint8Array(HEADER_SIZE);
      this.#filled = 0;
      yield frame;
    }
  }

  #room(needed: number, size: number): void {
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.min(size, Math.max(needed, this.#firstRoom, this.#bytes.length * 2)));
    grown.set(this.#bytes.subarray(0, this.#filled));
    this.#bytes = grown;
  }
}
