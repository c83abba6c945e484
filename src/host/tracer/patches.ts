import { Errno, isErrno } from "../../core/base/errno.ts";
import type { AddressSpace } from "../../core/procfs/ports.ts";
import { Parked } from "../../core/vfs/parked.ts";
import { type Steps, step } from "../../core/vfs/steps.ts";

/** How long to wait for a free thread of the pool when what was there before has to be put back. */
const AGAIN_MS = 5;

export const pause = (ms: number): Parked<void> => {
  const parked = new Parked<void>(() => clearTimeout(timer));
  const timer = setTimeout(() => parked.settle(), ms);
  return parked;
};

/** Changes to a stopped process's memory that are taken back in the end. */
export class Patches {
  readonly #space: AddressSpace;
  readonly #top: number;
  readonly #before: { readonly address: number; readonly bytes: Uint8Array }[] = [];

  /** `top`: one past the highest address. */
  constructor(space: AddressSpace, top: number) {
    this.#space = space;
    this.#top = top;
  }

  /** What is at `address`, up to the first hole; nothing where it starts in one. */
  *look(address: number, length: number): Steps<Uint8Array> {
    const bytes = new Uint8Array(length);
    if (address < 0 || address + length > this.#top) return bytes.subarray(0, 0);
    try {
      return bytes.subarray(0, yield* step(this.#space.read(address, bytes)));
    } catch (error) {
      if (!isErrno(error, "EFAULT")) throw error;
      return bytes.subarray(0, 0);
    }
  }

  /** From now on the bytes at `address` are among those put back. EFAULT. */
  *keep(address: number, length: number): Steps<void> {
    const bytes = yield* this.look(address, length);
    if (bytes.length < length) throw this.#missing(address);
    this.#before.push({ address, bytes });
  }

  *put(address: number, bytes: Uint8Array): Steps<void> {
    yield* this.keep(address, bytes.length);
    if ((yield* step(this.#space.write(address, bytes))) < bytes.length) throw this.#missing(address);
  }

  /** Everything as it was. Gives up where the memory is gone, with the process or without. */
  *restore(): Steps<void> {
    for (const { address, bytes } of this.#before.splice(0).reverse()) {
      for (let again = true; again; ) {
        try {
          yield* step(this.#space.write(address, bytes));
          again = false;
        } catch (error) {
          if (!(error instanceof Errno)) throw error;
          again = error.code === "EAGAIN";
        }
        if (again) yield* step(pause(AGAIN_MS));
      }
    }
  }

  #missing(address: number): Errno {
    return new Errno("EFAULT", `no memory at 0x${Math.max(address, 0).toString(16)} that could be used for a moment`);
  }
}
