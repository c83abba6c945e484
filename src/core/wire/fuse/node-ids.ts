import { FUSE_ROOT_ID } from "../../abi/fuse.ts";
import { Errno } from "../../base/errno.ts";
import type { DirNode, Node } from "../../vfs/node.ts";

interface Known {
  readonly node: Node;
  /** Inode number of the directory it was found in: what `..` shows. */
  readonly parentIno: number;
  /** How many references the kernel holds. */
  lookups: number;
}

/** The kernel's numbers for nodes: one a node object, never used twice, kept until the kernel forgets it. */
export class NodeIds {
  readonly #known = new Map<number, Known>();
  readonly #ids = new Map<Node, number>();
  #next = FUSE_ROOT_ID + 1;

  constructor(root: DirNode, rootIno: number) {
    this.#known.set(FUSE_ROOT_ID, { node: root, parentIno: rootIno, lookups: Number.POSITIVE_INFINITY });
    this.#ids.set(root, FUSE_ROOT_ID);
  }

  get size(): number {
    return this.#known.size;
  }

  /** One more reference for the kernel. */
  remember(node: Node, parentIno: number): number {
    const known = this.#ids.get(node);
    if (known !== undefined) {
      this.#known.get(known)!.lookups++;
      return known;
    }
    const id = this.#next++;
    this.#ids.set(node, id);
    this.#known.set(id, { node, parentIno, lookups: 1 });
    return id;
  }

  /** ESTALE for a number the kernel has given back. */
  node(id: number): Node {
    return this.#get(id).node;
  }

  parentIno(id: number): number {
    return this.#get(id).parentIno;
  }

  forget(id: number, lookups: number): void {
    const known = this.#known.get(id);
    if (!known) return;
    known.lookups -= lookups;
    if (known.lookups > 0) return;
    this.#known.delete(id);
    this.#ids.delete(known.node);
  }

  #get(id: number): Known {
    const known = this.#known.get(id);
    if (!known) throw new Errno("ESTALE", `no node ${id}`);
    return known;
  }
}
