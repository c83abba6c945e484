import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { beyond, type Quota } from "../../core/procfs/quotas.ts";
import { openForReading } from "./descriptor-reserve.ts";
import { check } from "./ffi/call.ts";
import { libcClose, libcPread, libcRead } from "./ffi/libc.ts";

/** The longest text of /proc that this project reads at once. */
const scratch = Buffer.alloc(16 * 1024);

/** The text of an open file from its start, one character a byte; for /proc, freshly made at each call. */
export function preadText(fd: number, what: string): string {
  const count = check(libcPread(fd, scratch, scratch.length, 0), what);
  return scratch.toString("latin1", 0, count);
}

const SPACE = 0x20;
const DIGIT_0 = 0x30;

/**
 * The first `into.length` numbers of a small text of /proc that is nothing but decimal numbers with a blank between them, without
 * making a string of it.
 */
export function readNumbersAt(dirfd: number, name: string, what: string, into: Float64Array): void {
  const fd = check(openForReading(dirfd, name), what);
  const count = libcPread(fd, scratch, scratch.length, 0);
  // A close that works leaves errno as it is.
  libcClose(fd);
  check(count, what);
  let at = 0;
  for (let i = 0; i < into.length; i++) {
    let number = 0;
    for (; at < count && scratch[at]! > SPACE; at++) number = number * 10 + scratch[at]! - DIGIT_0;
    into[i] = number;
    at++;
  }
}

/** The text of the small file `name` below the directory `dirfd`. */
export function readTextAt(dirfd: number, name: string, what: string): string {
  const fd = check(openForReading(dirfd, name), what);
  try {
    return preadText(fd, what);
  } finally {
    libcClose(fd);
  }
}

const large = Buffer.alloc(256 * 1024);

/** The whole text of a file of /proc, however long; EMFILE where it has more bytes than `room`, if any. */
export function readLongText(path: string, room?: Quota): string {
  const fd = check(openForReading(AT_FDCWD, path), path);
  try {
    let text = "";
    for (;;) {
      const count = check(libcRead(fd, large, large.length), path);
      if (count === 0) return text;
      text += large.toString("latin1", 0, count);
      if (room && text.length > room.most) throw beyond(room);
    }
  } finally {
    libcClose(fd);
  }
}

/** A longer file of /proc is cut. */
const MOST_BYTES = 16 * 1024 * 1024;

/** The bytes of a file of /proc, however many, in a buffer of their own. */
export function wholeFile(path: string, what: string): Uint8Array {
  const fd = check(openForReading(AT_FDCWD, path), what);
  try {
    let room = large;
    let length = 0;
    for (;;) {
      const count = check(libcRead(fd, room.subarray(length), room.length - length), what);
      length += count;
      if (count === 0 || length >= MOST_BYTES) return new Uint8Array(room.subarray(0, length));
      if (room.length - length < 8192) room = Buffer.concat([room, Buffer.allocUnsafe(room.length)]);
    }
  } finally {
    libcClose(fd);
  }
}

/** Gives a descriptor back; an error of close(2) says nothing one could act on. */
export function closeDescriptor(fd: number): void {
  libcClose(fd);
}
