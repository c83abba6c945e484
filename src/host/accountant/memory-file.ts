import { readdirSync } from "node:fs";
import { AT_FDCWD, AT_STATX_DONT_SYNC, AT_SYMLINK_NOFOLLOW } from "../../core/abi/fcntl.ts";
import {
  STATX_BLOCKS,
  STATX_BYTES,
  STATX_DEV_MAJOR,
  STATX_DEV_MINOR,
  STATX_INO,
  STATX_MASK_BLOCKS,
  STATX_MASK_INO,
  STATX_MASK_SIZE,
  STATX_MASK_UID_GID,
  STATX_SIZE,
  STATX_UID,
} from "../../core/abi/statx.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import { FILE } from "../../core/grants/shared-objects.ts";
import type { MemoryFile } from "../../core/space/ports.ts";
import { libcReadlinkat, libcStatx } from "../linux/ffi/libc.ts";
import { descriptorPath } from "../linux/proc-file.ts";

const POSIX_SHM = "/dev/shm/";
const MEMFD = "/memfd:";

const link = Buffer.alloc(512);
const statx = Buffer.alloc(STATX_SIZE);

export function memoryFileName(major: number, minor: number, inode: number): string {
  return `${FILE}${major}:${minor}:${inode}`;
}

const ASKED = STATX_MASK_INO | STATX_MASK_SIZE | STATX_MASK_BLOCKS | STATX_MASK_UID_GID;
const BLOCK_SIZE = 512;

/** The memory file at `path`. AT_STATX_DONT_SYNC: a FUSE or network file system answers from its cache, and does not ask a server. */
function fileAt(path: string, flags = 0): MemoryFile | undefined {
  if (libcStatx(AT_FDCWD, path, flags | AT_STATX_DONT_SYNC, ASKED, statx) !== 0) return undefined;
  const number = (offset: number): number => Number(statx.readBigUInt64LE(offset));
  return {
    key: memoryFileName(statx.readUInt32LE(STATX_DEV_MAJOR), statx.readUInt32LE(STATX_DEV_MINOR), number(STATX_INO)),
    owner: statx.readUInt32LE(STATX_UID),
    // A sparse file can fill up to its size by page faults, without a call; fallocate can give it more blocks than its size.
    pages: Math.ceil(Math.max(number(STATX_BYTES), number(STATX_BLOCKS) * BLOCK_SIZE) / PAGE_SIZE),
  };
}

/** The target of a descriptor's link in /proc; empty where it cannot be read. Blocks while the process is inside exec. */
function descriptorLink(pid: number, fd: number): string {
  const count = libcReadlinkat(AT_FDCWD, descriptorPath(pid, fd), link, link.length);
  return count <= 0 ? "" : link.toString("latin1", 0, count);
}

/**
 * The memory file (memfd or POSIX shared memory) behind a descriptor. No other file is touched. Blocks while the process is inside exec.
 */
export function memoryFileOf(pid: number, fd: number): MemoryFile | undefined {
  const target = descriptorLink(pid, fd);
  return target.startsWith(MEMFD) || target.startsWith(POSIX_SHM) ? fileAt(descriptorPath(pid, fd)) : undefined;
}

/** What accounting has to know of a descriptor. */
export interface Descriptor {
  /** It is /dev/zero, a shared mapping of which is anonymous memory. */
  readonly isZero: boolean;
  /** The memory file behind it; undefined for every other file. */
  readonly file: MemoryFile | undefined;
}

/** A descriptor that nobody could read: a shared mapping of it is charged, until the map of its process tells what it is. */
export const UNREADABLE: Descriptor = { isZero: true, file: undefined };

/** Reads descriptor `fd` of process `pid`. Blocks while the process is inside exec. */
export function readDescriptor(pid: number, fd: number): Descriptor {
  return { isZero: descriptorLink(pid, fd) === "/dev/zero", file: memoryFileOf(pid, fd) };
}

/** The sizes of the files in /dev/shm, in pages, by key: a file with a name lives on while no process has it open. */
export function namedMemoryFiles(): Map<string, number> {
  const files = new Map<string, number>();
  let names: string[] = [];
  try {
    names = readdirSync(POSIX_SHM);
  } catch (error) {
    // There is no /dev/shm, or we may not read it: no file is known.
    if (!["ENOENT", "EACCES", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
  for (const name of names) {
    const file = fileAt(POSIX_SHM + name, AT_SYMLINK_NOFOLLOW);
    if (file) files.set(file.key, file.pages);
  }
  return files;
}
