import { MFD_CLOEXEC } from "../../core/abi/fcntl.ts";
import { check } from "../linux/ffi/call.ts";
import { libcFtruncate, libcMemfdCreate } from "../linux/ffi/libc.ts";
import { mapFile, unmapFile } from "../linux/mapped-file.ts";

/** PID_MAX_LIMIT of 64-bit Linux. */
const MOST_TIDS = 4 * 1024 * 1024;
/** The thread that the repairer deals with, 0 when it waits for work, and how often it has begun; then a bit for each thread number. */
const BITS = 8;
const SIZE = BITS + MOST_TIDS / 8;

/**
 * Which threads are seized: memory that the repairer writes and the accountant reads, so that neither has to wait for the other, and
 * what is read is never older than what the thread has done since. Sparse: a page for each 32,768 numbers in use.
 */
export class SeizedTable {
  readonly #bytes: Buffer;

  /** Over the file `fd`, which stays the caller's. */
  constructor(fd: number) {
    this.#bytes = mapFile(fd, SIZE, "table of seized threads");
  }

  /** A descriptor of an empty one. */
  static create(): number {
    const fd = check(libcMemfdCreate("lyonnais-seized", MFD_CLOEXEC), "table of seized threads");
    check(libcFtruncate(fd, SIZE), "table of seized threads");
    return fd;
  }

  has(tid: number): boolean {
    return (this.#bytes[BITS + (tid >> 3)]! & (1 << (tid & 7))) !== 0;
  }

  set(tid: number, seized: boolean): void {
    const at = BITS + (tid >> 3);
    const bit = 1 << (tid & 7);
    this.#bytes[at] = seized ? this.#bytes[at]! | bit : this.#bytes[at]! & ~bit;
  }

  /** Whom the repairer may be waiting for. */
  get busyWith(): number {
    return this.#bytes.readUInt32LE(0);
  }

  set busyWith(tid: number) {
    this.#bytes.writeUInt32LE((this.#bytes.readUInt32LE(4) + 1) >>> 0, 4);
    this.#bytes.writeUInt32LE(tid, 0);
  }

  /** Changes with each thing that the repairer begins or ends. */
  get progress(): number {
    return this.#bytes.readUInt32LE(4);
  }

  close(): void {
    unmapFile(this.#bytes);
  }
}
