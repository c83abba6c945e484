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

/** Which file a descriptor is, as /proc/PID/maps names it, and its state: what changes when it is written to. */
interface FileState {
  readonly identity: string;
  readonly state: string;
  readonly isLocal: boolean;
}

/** Says nothing more once it is closed, whoever still has it. */
class OpenFile implements ByteSource {
  readonly state: string;
  #fd: number;

  /** Owns `fd` from now on. */
  constructor(fd: number, state: string) {
    this.#fd = fd;
    this.state = state;
  }

  read(at: number, into: Uint8Array): number {
    return this.#fd < 0 ? 0 : Math.max(0, libcPread(this.#fd, into, into.length, at));
  }

  hasChanged(): boolean {
    return stateOf(this.#fd)?.state !== this.state;
  }

  close(): void {
    if (this.#fd >= 0) libcClose(this.#fd);
    this.#fd = -1;
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
    // What is mapped is in the kernel's cache, with all directories above it.
    return this.#find(caller, wanted, () => openFile(path, RESOLVE_CACHED, (identity) => identity === wanted));
  }

  /** A file below root's own `directory`, which nobody else can make a place where one waits. */
  findBelow(directory: string, path: string, caller: Caller): ByteSource | undefined {
    return this.#find(caller, path, () => openFile(`${directory}${path}`, 0, () => true));
  }

  close(): void {
    for (const file of this.#open.values()) file.close();
    this.#open.clear();
  }

  #find(caller: Caller, name: string, open: () => OpenFile | undefined): OpenFile | undefined {
    const key = `${caller.uid} ${caller.gid} ${this.#identity.isOwn(caller)} ${name}`;
    const kept = this.#open.get(key);
    this.#open.delete(key);
    const isGood = kept !== undefined && !kept.hasChanged();
    if (!isGood) kept?.close();
    const file = isGood ? kept : this.#identity.as(caller, open);
    if (file) this.#keep(key, file);
    return file;
  }

  #keep(key: string, file: OpenFile): void {
    this.#open.set(key, file);
    if (this.#open.size <= MAX_OPEN) return;
    const [oldest, unused] = this.#open.entries().next().value!;
    this.#open.delete(oldest);
    unused.close();
  }
}

/** Opened only when it is on a file system that answers; `resolve` is a flag of openat2(2). */
function openFile(path: string, resolve: number, isWanted: (identity: string) => boolean): OpenFile | undefined {
  how.writeUInt32LE(resolve, OPEN_HOW_RESOLVE);
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
