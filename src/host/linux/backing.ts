import { O_CLOEXEC, O_RDONLY } from "../../core/abi/fcntl.ts";
import {
  PROCMAP_DEV_MAJOR,
  PROCMAP_DEV_MINOR,
  PROCMAP_QUERY,
  PROCMAP_QUERY_ADDR,
  PROCMAP_QUERY_COVERING_OR_NEXT_VMA,
  PROCMAP_QUERY_FILE_BACKED_VMA,
  PROCMAP_QUERY_FLAGS,
  PROCMAP_QUERY_SIZE,
  PROCMAP_VMA_END,
  PROCMAP_VMA_START,
} from "../../core/abi/procmap.ts";
import { parseMountinfo } from "../../core/abi/text/mountinfo.ts";
import { ERRNO } from "../../core/base/errno.ts";
import { errnoNow, libcClose, libcIoctl, libcOpenat } from "./ffi/libc.ts";
import { readLongText } from "./file.ts";

/** File systems that answer a page fault without asking another program or another machine. */
const LOCAL = new Set([
  "tmpfs",
  "devtmpfs",
  "overlay",
  "btrfs",
  "ramfs",
  "hugetlbfs",
  "zfs",
  "bcachefs",
  "proc",
  "sysfs",
]);
/** The major number of devices that are no block device: among them FUSE and network file systems. */
const MAJOR_UNNAMED = 0;

const query = Buffer.alloc(PROCMAP_QUERY_SIZE);
/** `major:minor` of unnamed devices known to be local. */
let localDevices: Set<string> | undefined;

function readLocalDevices(): Set<string> {
  const mounts = parseMountinfo(readLongText("/proc/self/mountinfo"));
  return new Set(mounts.filter(({ type }) => LOCAL.has(type)).map(({ device }) => device));
}

/** Whether the device of a file answers without asking another program or another machine. */
export function isLocal(major: number, minor: number): boolean {
  if (major !== MAJOR_UNNAMED) return true;
  localDevices ??= readLocalDevices();
  return localDevices.has(`${major}:${minor}`);
}

/**
 * Tells whether memory may be read on the daemon's main thread. A page of a file on FUSE, our own mount included, is
 * faulted in by asking its server: that may last for ever, and would be a deadlock where we are the server.
 */
export class Backing {
  readonly #mapsFd: number;

  /**
   * `dirfd` is the directory of the process. A process that is not `trusted` could change its mappings between the look
   * and the transfer, so nothing of it counts as safe; nor does anything without PROCMAP_QUERY (before 6.11).
   */
  constructor(dirfd: number, trusted: boolean) {
    this.#mapsFd = trusted ? libcOpenat(dirfd, "maps", O_RDONLY | O_CLOEXEC, 0) : -1;
  }

  /** Whether no page of [start, end) comes from a file system that could make us block. */
  isSafe(start: number, end: number): boolean {
    if (this.#mapsFd < 0) return false;
    for (let at = start; at < end; ) {
      query.fill(0);
      query.writeUInt32LE(PROCMAP_QUERY_SIZE, 0);
      query.writeUInt32LE(PROCMAP_QUERY_COVERING_OR_NEXT_VMA | PROCMAP_QUERY_FILE_BACKED_VMA, PROCMAP_QUERY_FLAGS);
      query.writeBigUInt64LE(BigInt(at), PROCMAP_QUERY_ADDR);
      if (libcIoctl(this.#mapsFd, PROCMAP_QUERY, query) !== 0) return errnoNow() === ERRNO.ENOENT;
      if (Number(query.readBigUInt64LE(PROCMAP_VMA_START)) >= end) return true;
      if (!isLocal(query.readUInt32LE(PROCMAP_DEV_MAJOR), query.readUInt32LE(PROCMAP_DEV_MINOR))) return false;
      at = Number(query.readBigUInt64LE(PROCMAP_VMA_END));
    }
    return true;
  }

  close(): void {
    if (this.#mapsFd >= 0) libcClose(this.#mapsFd);
  }
}
