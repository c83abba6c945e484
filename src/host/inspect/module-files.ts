import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_STATX_DONT_SYNC,
  O_CLOEXEC,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  OPEN_HOW_RESOLVE,
  OPEN_HOW_SIZE,
  RESOLVE_CACHED,
  SYS_openat2,
} from "../../core/abi/fcntl.ts";
import {
  STATX_BYTES,
  STATX_DEV_MAJOR,
  STATX_DEV_MINOR,
  STATX_INO,
  STATX_MASK_INO,
  STATX_MASK_MTIME,
  STATX_MASK_SIZE,
  STATX_MTIME,
  STATX_SIZE,
} from "../../core/abi/statx.ts";
import type { ByteSource } from "../../core/symbols/byte-source.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { isLocal } from "../linux/backing.ts";
import type { CallerIdentity } from "../linux/caller-identity.ts";
import { libcClose, libcOpenat, libcOpenat2, libcPread, libcStatx } from "../linux/ffi/libc.ts";

/** Files that are kept open, for all users together; the one that was asked for least recently is let go. */
const MAX_OPEN = 64;

const statx = Buffer.alloc(STATX_SIZE);
const how = Buffer.alloc(OPEN_HOW_SIZE);
how.writeUInt32LE(O_PATH | O_CLOEXEC, 0);
how.writeUInt32LE(RESOLVE_CACHED, OPEN_HOW_RESOLVE);

/** Which file a descriptor is, as /proc/PID/maps names it, and its state: what changes when it is written to. */
interface FileState {
  readonly identity: string;
  readonly state: string;
  readonly isLocal: boolean;
}

class OpenFile implements ByteSource {
  readonly fd: number;
  readonly state: string;

  constructor(fd: number, state: string) {
    this.fd = fd;
    this.state = state;
  }

  read(at: number, into: Uint8Array): number {
    return Math.max(0, libcPread(this.fd, into, into.length, at));
  }
}

/**
 * The files that are mapped somewhere, opened as whoever asks and kept, so that what was learned of them is kept as well.
 * They are told apart by device, inode, size and time, which the kernel says, and not by build-id, which the file says of
 * itself: a forged one would lend its symbols to others. Nothing is asked of a file system that could keep us waiting.
 */
export class ModuleFiles {
  readonly #identity: CallerIdentity;
  /** In the order of use; by caller and file. */
  readonly #open = new Map<string, OpenFile>();

  constructor(identity: CallerIdentity) {
    this.#identity = identity;
  }

  /** The file of that path if it is the one of that device and inode; undefined if not, or if `caller` may not read it. */
  find(path: string, device: string, inode: number, caller: Caller): ByteSource | undefined {
    const wanted = `${device} ${inode}`;
    const key = `${caller.uid} ${caller.gid} ${this.#identity.isOwn(caller)} ${wanted}`;
    const kept = this.#open.get(key);
    if (kept) {
      this.#open.delete(key);
      if (stateOf(kept.fd)?.state === kept.state) {
        this.#open.set(key, kept);
        return kept;
      }
      libcClose(kept.fd);
    }
    return this.#openAs(caller, path, key, (identity) => identity === wanted);
  }

  /** A file that is mapped nowhere, of debugging symbols; as {@link find}. */
  findByPath(path: string, caller: Caller): ByteSource | undefined {
    return this.#openAs(caller, path, `${caller.uid} ${caller.gid} ${path}`, () => true);
  }

  close(): void {
    for (const { fd } of this.#open.values()) libcClose(fd);
    this.#open.clear();
  }

  #openAs(caller: Caller, path: string, key: string, isWanted: (identity: string) => boolean): OpenFile | undefined {
    const file = this.#identity.as(caller, () => openFile(path, isWanted));
    if (!file) return undefined;
    const before = this.#open.get(key);
    if (before) libcClose(before.fd);
    this.#open.set(key, file);
    if (this.#open.size > MAX_OPEN) {
      const [oldest, { fd }] = this.#open.entries().next().value!;
      libcClose(fd);
      this.#open.delete(oldest);
    }
    return file;
  }
}

/** Looked up in the kernel's cache alone, where every mapped file is, and opened only when it is on a file system that answers. */
function openFile(path: string, isWanted: (identity: string) => boolean): OpenFile | undefined {
  const place = libcOpenat2(SYS_openat2, AT_FDCWD, path, how, OPEN_HOW_SIZE);
  if (place < 0) return undefined;
  try {
    const found = stateOf(place);
    if (!found?.isLocal || !isWanted(found.identity)) return undefined;
    const fd = libcOpenat(AT_FDCWD, `/proc/self/fd/${place}`, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    return fd < 0 ? undefined : new OpenFile(fd, found.state);
  } finally {
    libcClose(place);
  }
}

function stateOf(fd: number): FileState | undefined {
  const mask = STATX_MASK_INO | STATX_MASK_SIZE | STATX_MASK_MTIME;
  if (libcStatx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, mask, statx) !== 0) return undefined;
  const major = statx.readUInt32LE(STATX_DEV_MAJOR);
  const minor = statx.readUInt32LE(STATX_DEV_MINOR);
  const hex = (value: number): string => value.toString(16).padStart(2, "0");
  const identity = `${hex(major)}:${hex(minor)} ${statx.readBigUInt64LE(STATX_INO)}`;
  const time = `${statx.readBigInt64LE(STATX_MTIME)}.${statx.readUInt32LE(STATX_MTIME + 8)}`;
  return {
    identity,
    state: `${identity} ${statx.readBigUInt64LE(STATX_BYTES)} ${time}`,
    isLocal: isLocal(major, minor),
  };
}
