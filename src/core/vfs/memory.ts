import { Errno } from "../base/errno.ts";
import type { DirNode, FileNode, FileSystem, Handle, LinkNode, Node, Stat } from "./node.ts";
import { type NodeNumber, type NodeNumbers, ROOT_NUMBER } from "./node-number.ts";
import { readSlice } from "./slice.ts";

/** What a tree of constant nodes is described by: text is a file, `{ link }` a symlink, anything else a directory. */
export type MemoryTree = { readonly [name: string]: string | { readonly link: string } | FileNode | MemoryTree };

/**
 * A tiny in-memory file system owned by uid and gid 0: the first citizen of the conformance suite. Files are 0644,
 * writes replace bytes in place and grow the file.
 */
export function memoryFileSystem(tree: MemoryTree): FileSystem {
  let lastIno = 1;
  const numbers = new Map<Node, NodeNumber>();
  const nodes = new Map<number, Node>();
  const parents = new Map<Node, DirNode>();
  const makeStat = (mode: number, nlink: number, size: number, ino: number): Stat => ({
    ino,
    mode,
    nlink,
    uid: 0,
    gid: 0,
    size,
    timeMs: Date.now(),
  });

  const makeFile = (text: string): FileNode => {
    const ino = ++lastIno;
    let content = Uint8Array.from(text, (c) => c.charCodeAt(0));
    const handle: Handle = {
      read: (_caller, offset, into) => readSlice(content, offset, into),
      write: (_caller, offset, data) => {
        if (offset + data.length > content.length) {
          const grown = new Uint8Array(offset + data.length);
          grown.set(content);
          content = grown;
        }
        content.set(data, offset);
        return data.length;
      },
    };
    return { kind: "file", stat: () => makeStat(0o644, 1, content.length, ino), open: () => handle };
  };

  const makeLink = (target: string): LinkNode => {
    const ino = ++lastIno;
    return { kind: "link", stat: () => makeStat(0o777, 1, target.length, ino), readlink: () => target };
  };

  const makeDir = (entries: MemoryTree): DirNode => {
    const ino = ++lastIno;
    const children = new Map(Object.entries(entries).map(([name, value]) => [name, numbered(makeNode(value))]));
    const dir: DirNode = {
      kind: "dir",
      stat: () => makeStat(0o755, 2, 0, ino),
      lookup: (_caller, name) => {
        const child = children.get(name);
        if (!child) throw new Errno("ENOENT", `no entry ${name}`);
        return child;
      },
      list: (caller) => [...children].map(([name, child]) => ({ name, ino: child.stat(caller).ino, kind: child.kind })),
    };
    for (const child of children.values()) parents.set(child, dir);
    return dir;
  };

  /** The same tree has the same numbers: it is made in the same order. */
  const numbered = (node: Node, number = { high: 0, low: numbers.size + 2 }): Node => {
    numbers.set(node, number);
    nodes.set(number.low, node);
    return node;
  };

  const makeNode = (value: MemoryTree[string]): Node => {
    if (typeof value === "string") return makeFile(value);
    if ("kind" in value && typeof value.kind === "string" && "open" in value) return value as FileNode;
    if ("link" in value && typeof value.link === "string") return makeLink(value.link);
    return makeDir(value as MemoryTree);
  };

  const root = makeDir(tree);
  numbered(root, ROOT_NUMBER);
  const byNumber: NodeNumbers = {
    of: (node) => numbers.get(node)!,
    node: (high, low) => {
      const node = high === 0 ? nodes.get(low) : undefined;
      if (!node) throw new Errno("ESTALE", `there is no node ${low}`);
      return node;
    },
    parent: (dir) => parents.get(dir) ?? root,
  };
  return {
    root,
    numbers: byNumber,
    refusal: "EPERM",
    statfs: () => ({ blockSize: 4096, blocks: 0, blocksFree: 0, files: lastIno, filesFree: 0, nameMax: 255 }),
  };
}
