import { AT_FDCWD } from "../../core/abi/fcntl.ts";
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

/** The whole text of a file of /proc, however long. */
export function readLongText(path: string): string {
  const fd = check(openForReading(AT_FDCWD, path), path);
  try {
    let text = "";
    for (;;) {
      const count = check(libcRead(fd, large, large.length), path);
      if (count === 0) return text;
      text += large.toString("latin1", 0, count);
    }
  } finally {
    libcClose(fd);
  }
}

/** Gives a descriptor back; an error of close(2) says nothing one could act on. */
export function closeDescriptor(fd: number): void {
  libcClose(fd);
}
