import { check } from "./ffi/call.ts";
import { libcGetdents64 } from "./ffi/libc.ts";

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
/** struct linux_dirent64, getdents(2). */
const DIRENT_RECLEN = 16;
const DIRENT_NAME = 19;

const buffer = Buffer.alloc(64 * 1024);

/** The entries of an open directory of /proc whose names are numbers above 0. Reads from its current position. */
export function listNumbers(dirfd: number, what: string): number[] {
  const numbers: number[] = [];
  for (;;) {
    const count = check(libcGetdents64(dirfd, buffer, buffer.length), what);
    if (count === 0) return numbers;
    for (let at = 0; at < count; at += buffer.readUInt16LE(at + DIRENT_RECLEN)) {
      let number = 0;
      let i = at + DIRENT_NAME;
      for (let c = buffer[i]!; c >= DIGIT_0 && c <= DIGIT_9; c = buffer[++i]!) number = number * 10 + c - DIGIT_0;
      if (buffer[i] === 0 && number > 0) numbers.push(number);
    }
  }
}
