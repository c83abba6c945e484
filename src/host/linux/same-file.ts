import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_STATX_DONT_SYNC,
  O_CLOEXEC,
  O_PATH,
  OPEN_HOW_RESOLVE,
  OPEN_HOW_SIZE,
  RESOLVE_CACHED,
  SYS_openat2,
} from "../../core/abi/fcntl.ts";
import { STATX_DEV_MAJOR, STATX_DEV_MINOR, STATX_INO, STATX_MASK_INO, STATX_SIZE } from "../../core/abi/statx.ts";
import { libcClose, libcOpenat, libcOpenat2, libcStatx } from "./ffi/libc.ts";

const statx = Buffer.alloc(STATX_SIZE);
const how = Buffer.alloc(OPEN_HOW_SIZE);
how.writeUInt32LE(O_PATH | O_CLOEXEC, 0);
how.writeUInt32LE(RESOLVE_CACHED, OPEN_HOW_RESOLVE);

function identity(fd: number): string | undefined {
  if (fd < 0) return undefined;
  try {
    if (libcStatx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MASK_INO, statx) !== 0) return undefined;
    return `${statx.readUInt32LE(STATX_DEV_MAJOR)}:${statx.readUInt32LE(STATX_DEV_MINOR)}:${statx.readBigUInt64LE(STATX_INO)}`;
  } finally {
    libcClose(fd);
  }
}

/**
 * Whether `path` and the magic link `name` below `dirfd` are one file. No file system is asked anything, so a path on a
 * dead or hostile FUSE mount, our own included, cannot hold us: what the kernel has not cached counts as different. A
 * running executable pins its directories in the cache.
 */
export function isSameFile(path: string, dirfd: number, name: string): boolean {
  const byPath = identity(libcOpenat2(SYS_openat2, AT_FDCWD, path, how, OPEN_HOW_SIZE));
  return byPath !== undefined && byPath === identity(libcOpenat(dirfd, name, O_PATH | O_CLOEXEC, 0));
}
