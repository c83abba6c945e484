import { PARKED_SLOTS } from "./session-memory.ts";

/**
 * The numbers of requests that wait, in memory that outlives the session: where the kernel does not send them again, a later
 * server has to end them. One too many is not recorded.
 */
export class ParkedRecords {
  readonly #uniques: BigUint64Array;
  readonly #free: number[] = [];
  /** How many slots have been in use: those above are not touched. */
  #used = 0;
  /** What a server before this one left. */
  readonly found: readonly number[];

  constructor(memory: Uint8Array) {
    this.#uniques = new BigUint64Array(memory.buffer, memory.byteOffset, PARKED_SLOTS);
    this.found = [...this.#uniques].filter((unique) => unique !== 0n).map(Number);
    this.#uniques.fill(0n);
  }

  /** The slot to be given to {@link remove}. */
  add(unique: number): number {
    const slot = this.#free.pop() ?? (this.#used < PARKED_SLOTS ? this.#used++ : -1);
    if (slot >= 0) this.#uniques[slot] = BigInt(unique);
    return slot;
  }

  remove(slot: number): void {
    if (slot < 0) return;
    this.#uniques[slot] = 0n;
    this.#free.push(slot);
  }
}
