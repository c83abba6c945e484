import { Errno } from "../core/base/errno.ts";
import type { NodeKind, Stat } from "../core/vfs/node.ts";

/** What a user sees of a node. */
export interface NodeStat extends Stat {
  readonly kind: NodeKind;
}

/** A file of the tree that stays open. Every method rejects with Errno; `stop` ends a read or write that waits (EINTR). */
export interface TreeFile {
  /** At most `count` bytes; none at the end. A mount cannot be stopped. */
  read(offset: number, count: number, stop?: AbortSignal): Promise<Uint8Array>;
  /** Returns the bytes accepted. */
  write(data: Uint8Array, offset?: number, stop?: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

export interface TreeFileMode {
  readonly read: boolean;
  readonly write: boolean;
}

/**
 * A user of the tree, whatever carries it: in this process, a mount, later a socket. Paths are relative to the tree's
 * root, with or without a leading slash. Every method rejects with Errno; `stop` ends a read or write that waits (EINTR).
 */
export interface TreeClient {
  stat(path: string): Promise<NodeStat>;
  /** Names without `.` and `..`, in the tree's order. */
  list(path: string): Promise<readonly string[]>;
  /** One character a byte: a path may be in any encoding. */
  readlink(path: string): Promise<string>;
  /** Opens a file for several reads and writes. */
  open(path: string, mode: TreeFileMode): Promise<TreeFile>;
  /** One open, one read of at most `count` bytes from `offset`, one close. */
  read(path: string, offset: number, count: number, stop?: AbortSignal): Promise<Uint8Array>;
  /** One open, one write, one close; returns the bytes accepted. */
  write(path: string, data: Uint8Array, stop?: AbortSignal, offset?: number): Promise<number>;
  /** Whether control of a process ends with this client: nobody else is there to keep it. */
  readonly holdsControl?: boolean;
  close(): Promise<void>;
}

/** Bytes per read of {@link readAll}: any text of this tree is shorter. */
const CHUNK = 1024 * 1024;

/**
 * The whole of a file, handed to `take` piece by piece. Descriptors are not kept between the pieces, and each open renders a text
 * anew: one that has come whole, which a short read of a file without a size is, is not asked for more.
 */
export async function readAll(
  client: TreeClient,
  path: string,
  take: (bytes: Uint8Array) => void,
  stop?: AbortSignal,
): Promise<void> {
  const { size } = await client.stat(path);
  for (let offset = 0; ; ) {
    const bytes = await client.read(path, offset, CHUNK, stop);
    if (bytes.length > 0) take(bytes);
    if (bytes.length === 0 || (size === 0 && bytes.length < CHUNK)) return;
    offset += bytes.length;
  }
}

/** Writes all of `data` from the start of a file, going on behind what each write accepted. EIO if one accepts nothing. */
export async function writeAll(client: TreeClient, path: string, data: Uint8Array, stop?: AbortSignal): Promise<void> {
  let at = 0;
  do {
    const count = await client.write(path, data.subarray(at), stop, at);
    if (count === 0 && at < data.length) throw new Errno("EIO", `${path} takes ${at} of ${data.length} bytes`);
    at += count;
  } while (at < data.length);
}
