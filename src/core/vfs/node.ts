import type { Caller } from "./caller.ts";
import type { NodeNumbers } from "./node-number.ts";
import type { Outcome } from "./parked.ts";

/** What stat(2) shows. `mode` holds the permission bits only; the type is the node's `kind`. */
export interface Stat {
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. `st_blocks` is `size / 512`, rounded up. */
  readonly size: number;
  /** Access, change and modification time, milliseconds since 1970. */
  readonly timeMs: number;
}

export type NodeKind = "dir" | "file" | "link";

export interface DirEntry {
  readonly name: string;
  readonly ino: number;
  readonly kind: NodeKind;
  /**
   * Its place in the listing: a number above those of the entries before it, and the same in every later listing, so that a
   * reader can continue in another one. Absent: its index, for a listing that does not change.
   */
  readonly place?: number;
}

/** How a file is opened: the access mode and O_EXCL of open(2). O_TRUNC and O_APPEND have no effect on any node. */
export interface OpenMode {
  readonly read: boolean;
  readonly write: boolean;
  readonly exclusive: boolean;
  /** O_NONBLOCK: what would wait says EAGAIN. Absent: no. */
  readonly nonBlocking?: boolean;
  /**
   * The file was opened under a server that has died since, with that {@link Handle.memo}, and is to go on as it was: the
   * permission bits were checked then, and where the file position stands is not known.
   */
  readonly resumed?: { readonly memo: Uint8Array | undefined };
}

/**
 * An open file. Every operation is told who asks now, which need not be who opened it. An absent operation answers
 * EOPNOTSUPP, in the transport.
 */
export interface Handle {
  /**
   * Fills `into` from byte `offset`, returns how many bytes; 0 is the end. Owns `into` until the outcome is known.
   * `offset` is exact below 2^53; a larger one only ever compares as large. `nonBlocking`: what would wait says EAGAIN; absent, as it
   * was opened.
   */
  read?(caller: Caller, offset: number, into: Uint8Array, nonBlocking?: boolean): Outcome<number>;
  /** Takes `data`, which is valid during the call only; returns how many bytes were accepted. */
  write?(caller: Caller, offset: number, data: Uint8Array): Outcome<number>;
  /** Called once, however the open file ends: close, clunk, the end of the connection. Must not throw. */
  close?(): void;
  /**
   * What poll(2) says now. `wake`, where given, takes the place of the one before it and is called once when that may have
   * changed. Absent: it is always ready.
   */
  poll?(caller: Caller, wake: (() => void) | undefined): PollState;
  /**
   * What a later server needs, beside who opened which node and how, to open the file again as it was: bytes that mean
   * something to this node alone. They do not change while the file is open.
   */
  readonly memo?: Uint8Array;
  /** Who opened it, with the rights that were noted down then: a later server opens it again as that. Absent: who asked. */
  readonly opener?: Caller;
  /**
   * Whether a write of `data` can be made again when nobody knows whether it was made already: a server died over it. Absent:
   * no.
   */
  repeats?(data: Uint8Array): boolean;
}

/** What poll(2) reports of an open file. */
export interface PollState {
  /** POLLIN. */
  readonly readable?: boolean;
  /** POLLOUT. */
  readonly writable?: boolean;
  /** POLLPRI. */
  readonly urgent?: boolean;
  /** POLLHUP. */
  readonly hungUp?: boolean;
}

/**
 * A node's identity is the object itself: two lookups that mean the same node return the same object, and a node whose
 * process is gone is never reused for another.
 */
export interface FileNode {
  readonly kind: "file";
  stat(caller: Caller): Stat;
  open(caller: Caller, mode: OpenMode): Outcome<Handle>;
}

export interface LinkNode {
  readonly kind: "link";
  stat(caller: Caller): Stat;
  readlink(caller: Caller): Outcome<string>;
}

export interface DirNode {
  readonly kind: "dir";
  stat(caller: Caller): Stat;
  /** The child of that name; ENOENT. `.` and `..` never reach it. */
  lookup(caller: Caller, name: string): Node;
  /** A snapshot: the transport slices it however small the reader's buffer. Without `.` and `..`. */
  list(caller: Caller): readonly DirEntry[];
}

export type Node = FileNode | LinkNode | DirNode;

/** statfs(2), in units of `blockSize`. */
export interface StatFs {
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly files: number;
  readonly filesFree: number;
  readonly nameMax: number;
}

/** What a caller may make a transport hold: each call claims some of that, until what it returns is called, once or more. */
export interface Claims {
  /** A listing of so many entries that is held. EMFILE. */
  directory(caller: Caller, entries: number): () => void;
  /** A request that is not answered yet. EAGAIN. */
  waiting(caller: Caller): () => void;
  /** A request of so many bytes that is kept until it is its caller's turn. EAGAIN. */
  queued(caller: Caller, bytes: number): () => void;
}

/** A file system: what a transport serves. */
export interface FileSystem {
  readonly root: DirNode;
  readonly numbers: NodeNumbers;
  statfs(): StatFs;
  /** Every change of the tree is refused with this: EPERM, or EROFS for a read-only mount. */
  readonly refusal: "EPERM" | "EROFS";
  /** Absent: nothing is refused. */
  readonly claims?: Claims;
}
