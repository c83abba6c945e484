import { readlinkSync } from "node:fs";
import { basename } from "node:path";

const TURNS = 0;
const TID = 1;

/**
 * What a thread that others wait for shows to a thread that watches it, in shared memory. It counts up each time it begins to wait for work
 * and each time it has some, so the count is odd while it has.
 */
export class Pulse {
  readonly #words: Int32Array;

  /** `words`: of {@link Pulse.words}, also where they were sent to another thread. */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  static words(): Int32Array {
    return new Int32Array(new SharedArrayBuffer(8));
  }

  /** The calling thread is the one that is watched from now on; it is idle. */
  begin(): void {
    this.end();
    Atomics.store(this.#words, TID, Number(basename(readlinkSync("/proc/thread-self"))));
  }

  /** The thread waits for no work and does none: nobody is watched. */
  end(): void {
    Atomics.store(this.#words, TID, 0);
    Atomics.store(this.#words, TURNS, 0);
  }

  /** It waits for work now, as long as it likes. */
  idle(): void {
    if (this.turn % 2 !== 0) Atomics.add(this.#words, TURNS, 1);
  }

  /** It has work now, or looks whether it has. */
  busy(): void {
    if (this.turn % 2 === 0) Atomics.add(this.#words, TURNS, 1);
  }

  /** Odd while it has work; another number whenever it has been idle. */
  get turn(): number {
    return Atomics.load(this.#words, TURNS);
  }

  /** Whose it is; 0 for none. */
  get tid(): number {
    return Atomics.load(this.#words, TID);
  }
}
