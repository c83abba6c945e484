import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { SECCOMP_NOTIF_SIZE } from "../../core/abi/seccomp.ts";
import { mapFile } from "../linux/mapped-file.ts";

/** How many calls can wait for their answers at a time; others wait to be received. */
const SLOTS = 64;
const SLOT_SIZE = 128;
const NOTIFICATION = 8;

/** A place for one notification: the listener's number, then struct seccomp_notif, into which the kernel writes. */
export class Slot {
  readonly notification: Buffer;
  /** The same. */
  readonly view: DataView;
  /** All of it, in words: the first one is the listener's number, which is not 0 as long as the slot is in use. */
  readonly #words: Uint32Array;
  readonly #free: Slot[];

  constructor(bytes: Buffer, free: Slot[]) {
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / Uint32Array.BYTES_PER_ELEMENT);
    this.#free = free;
    this.notification = bytes.subarray(NOTIFICATION, NOTIFICATION + SECCOMP_NOTIF_SIZE);
    this.view = new DataView(this.notification.buffer, this.notification.byteOffset, SECCOMP_NOTIF_SIZE);
  }

  get listener(): number {
    return this.#words[0]!;
  }

  claim(listener: number): this {
    // So few words are written sooner one by one than by a function of V8's.
    for (let i = 1; i < this.#words.length; i++) this.#words[i] = 0;
    this.#words[0] = listener;
    return this;
  }

  /** Nobody is to use it any more. A slot that is free already stays so, once. */
  free(): void {
    if (this.listener === 0) return;
    this.#words[0] = 0;
    this.#free.push(this);
  }
}

/**
 * The calls that were received and are not answered. The kernel tells of each only once, so where it writes them is a file: whoever
 * goes on when this process is killed finds the call, from the very moment in which it was received.
 */
export class InFlight {
  /** What the process before this one received and did not answer. */
  readonly found: readonly Slot[];
  readonly #free: Slot[] = [];

  /** Without a path it ends with this process. */
  constructor(path?: string) {
    const memory = path === undefined ? Buffer.alloc(SLOTS * SLOT_SIZE) : mapped(path);
    const slots = Array.from({ length: SLOTS }, (_, i) => {
      return new Slot(memory.subarray(i * SLOT_SIZE, (i + 1) * SLOT_SIZE), this.#free);
    });
    this.found = slots.filter(({ listener }) => listener !== 0);
    this.#free.push(...slots.filter(({ listener }) => listener === 0));
  }

  get hasRoom(): boolean {
    return this.#free.length > 0;
  }

  /** A free place for a notification of that listener; undefined when all are taken. */
  take(listener: number): Slot | undefined {
    return this.#free.pop()?.claim(listener);
  }
}

/** The file, long enough to be mapped. What Node's file functions throw. */
function prepared(path: string): number {
  const fd = openSync(path, "a+", 0o600);
  const { size } = fstatSync(fd);
  if (size < SLOTS * SLOT_SIZE) writeSync(fd, Buffer.alloc(SLOTS * SLOT_SIZE - size));
  return fd;
}

/** Finds out, before anybody hangs on it, whether the file can be there. */
export function prepareInFlight(path: string): void {
  closeSync(prepared(path));
}

function mapped(path: string): Buffer {
  const fd = prepared(path);
  try {
    return mapFile(fd, SLOTS * SLOT_SIZE, path);
  } finally {
    closeSync(fd);
  }
}
