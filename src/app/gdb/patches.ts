import type { ProcessFiles } from "./process-files.ts";

/**
 * The trap instructions that a client has written over a program by itself, where the tree has no breakpoints: what was there
 * before, so that none is left when the client goes. A client writes exactly the instruction, and later exactly what was there.
 */
export class Patches {
  readonly #files: ProcessFiles;
  readonly #trap: readonly number[];
  readonly #original = new Map<number, Uint8Array>();

  constructor(files: ProcessFiles, trap: readonly number[]) {
    this.#files = files;
    this.#trap = trap;
  }

  /** To be called before the client's `data` is written at `address`. */
  async note(address: number, data: Uint8Array): Promise<void> {
    const isTrap = data.length === this.#trap.length && this.#trap.every((byte, i) => data[i] === byte);
    if (isTrap && !this.#original.has(address)) {
      const there = await this.#files.read("mem", address, data.length);
      if (there.length === data.length && !this.#trap.every((byte, i) => there[i] === byte))
        this.#original.set(address, there);
      return;
    }
    if (isTrap) return;
    for (const [at, { length }] of this.#original) {
      if (at + length > address && at < address + data.length) this.#original.delete(at);
    }
  }

  /** Whether there is a trap at `address` now. */
  has(address: number): boolean {
    return this.#original.has(address);
  }

  /** The program is another one. */
  forget(): void {
    this.#original.clear();
  }

  async restore(): Promise<void> {
    for (const [address, bytes] of this.#original) await this.#files.write("mem", address, bytes);
    this.#original.clear();
  }
}
