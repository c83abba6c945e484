import { QTDIR, QTFILE, QTSYMLINK } from "../../abi/ninep.ts";
import { Errno } from "../../base/errno.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { DirEntry, DirNode, Handle, Node, NodeKind } from "../../vfs/node.ts";
import type { Qid } from "./fields.ts";

/** What a fid stands for: a node, the directories it was reached through, and what was opened. */
export interface Fid {
  readonly node: Node;
  /** From the root to the node's parent; empty for the root. */
  readonly parents: readonly DirNode[];
  opened?: { readonly handle: Handle } | { readonly entries: readonly DirEntry[]; release(): void };
  /** Why the last request on it that failed did so. */
  reason?: string;
}

/** Fids a connection may have at once. */
const MOST_FIDS = 4096;

/** The fids of one connection. */
export class Fids {
  readonly #fids = new Map<number, Fid>();

  get size(): number {
    return this.#fids.size;
  }

  /** EBADF for a number that stands for nothing. */
  get(number: number): Fid {
    const fid = this.#fids.get(number);
    if (!fid) throw new Errno("EBADF", `fid ${number} is not in use`);
    return fid;
  }

  /** Notes down why a request on that fid has failed, where it stands for something. */
  failed(number: number, reason: string): void {
    const fid = this.#fids.get(number);
    if (fid) fid.reason = reason;
  }

  /** EBADF when it is in use, EMFILE when there are too many. */
  refuseUsed(number: number): void {
    if (this.#fids.has(number)) throw new Errno("EBADF", `fid ${number} is in use`);
    if (this.#fids.size >= MOST_FIDS) throw new Errno("EMFILE", `${MOST_FIDS} fids are in use`);
  }

  /** Whether `number` still stands for that very fid. */
  has(number: number, fid: Fid): boolean {
    return this.#fids.get(number) === fid;
  }

  set(number: number, fid: Fid): void {
    this.#fids.set(number, fid);
  }

  clunk(number: number): void {
    const fid = this.get(number);
    this.#fids.delete(number);
    close(fid);
  }

  clunkAll(): void {
    for (const fid of this.#fids.values()) close(fid);
    this.#fids.clear();
  }
}

function close({ opened }: Fid): void {
  if (opened && "handle" in opened) opened.handle.close?.();
  else opened?.release();
}

const QID_TYPES: Readonly<Record<NodeKind, number>> = { dir: QTDIR, link: QTSYMLINK, file: QTFILE };

/** The path of a qid is the inode number; its version tells a node from a later one that got the same number. */
export class Qids {
  readonly #versions = new WeakMap<Node, number>();
  #next = 1;

  of(node: Node, caller: Caller): Qid {
    let version = this.#versions.get(node);
    if (version === undefined) {
      version = this.#next++ >>> 0;
      this.#versions.set(node, version);
    }
    return { type: QID_TYPES[node.kind], version, path: node.stat(caller).ino };
  }

  static ofEntry({ kind, ino }: DirEntry): Qid {
    return { type: QID_TYPES[kind], version: 0, path: ino };
  }
}
