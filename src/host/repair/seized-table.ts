import { MFD_CLOEXEC } from "../../core/abi/fcntl.ts";
import { check } from "../linux/ffi/call.ts";
import { libcFtruncate, libcMemfdCreate } from "../linux/ffi/libc.ts";
import { mapFile, unmapFile } from "../linux/mapped-file.ts";

/** PID_MAX_LIMIT of 64-bit Linux. */
const MOST_TIDS = 4 * 1024 * 1024;
/**
 * Two words come first: the thread that the repairer is busy with, 0 for none, and its counter of progress. Then one bit for each thread
 * id.
 */
const BITS = 8;
const SIZE = BITS + MOST_TIDS / 8;

/**
 * Which threads are seized, in shared memory: the repairer writes it, the accountant and the daemon read it, and none waits for another. A
 * bit is set before the thread runs on. The file is sparse: a page for each 32,768 thread ids.
 */
export class SeizedTable {
  readonly #bytes: Buffer;

  /** Maps the file `fd`, which stays the caller's. Errno. */
  constructor(fd: number) {
    this.#bytes = mapFile(fd, SIZE, "table of seized threads");
  }

  /** The descriptor of a new, empty file, which is the caller's. Errno. */
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

  /** The thread for which the repairer may be waiting; 0 for none. */
  get busyWith(): number {
    return this.#bytes.readUInt32LE(0);
  }

  set busyWith(tid: number) {
    this.#bytes.writeUInt32LE((this.#bytes.readUInt32LE(4) + 1) >>> 0, 4);
    this.#bytes.writeUInt32LE(tid, 0);
  }

  /** A counter that changes whenever the repairer begins or ends a request. */
  get progress(): number {
    return this.#bytes.readUInt32LE(4);
  }

  close(): void {
    unmapFile(this.#bytes);
  }
}
