import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { SECCOMP_NOTIF_SIZE } from "../../core/abi/seccomp.ts";
import { mapFile } from "../linux/mapped-file.ts";

/** How many received calls can be open at a time; further ones wait in the kernel to be received. */
const SLOTS = 64;
const SLOT_SIZE = 128;
const NOTIFICATION = 8;

/** A place for one notification: the number of its listener, then struct seccomp_notif, into which the kernel writes. */
export class Slot {
  /** struct seccomp_notif. */
  readonly notification: Buffer;
  /** As {@link notification}. */
  readonly view: DataView;
  /** The whole slot. The first word is the number of the listener while the slot is in use, else 0. */
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

  /** Takes the slot into use for a notification of that listener, with zeros in it, as the kernel asks for. */
  claim(listener: number): this {
    // For so few words a loop is faster than TypedArray.fill.
    for (let i = 1; i < this.#words.length; i++) this.#words[i] = 0;
    this.#words[0] = listener;
    return this;
  }

  /** The call is answered or gone: the slot may be used again. Does nothing for a slot that is free already. */
  free(): void {
    if (this.listener === 0) return;
    this.#words[0] = 0;
    this.#free.push(this);
  }
}

/**
 * The slots of calls that were received and not answered. The kernel gives out each notification only once, so it writes them into memory
 * that is a file: when this daemon is killed, its successor finds each call from the moment it was received.
 */
export class InFlight {
  /** The slots in use when the file was opened: calls that the daemon before this one received and did not answer. */
  readonly found: readonly Slot[];
  readonly #free: Slot[] = [];

  /** `path` is the file, created where it is missing; what Node's file functions throw. Without it the memory ends with this process. */
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

/** Opens the file, and makes it long enough to be mapped. What Node's file functions throw. */
function prepared(path: string): number {
  const fd = openSync(path, "a+", 0o600);
  const { size } = fstatSync(fd);
  if (size < SLOTS * SLOT_SIZE) writeSync(fd, Buffer.alloc(SLOTS * SLOT_SIZE - size));
  return fd;
}

/** Creates the file where it is missing, so that a failure shows before anybody relies on it. What Node's file functions throw. */
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
