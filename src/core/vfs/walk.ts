import { Errno } from "../base/errno.ts";
import type { Caller } from "./caller.ts";
import type { DirNode, Node } from "./node.ts";

/**
 * The node at `path` below `root`. Empty components and `.` are skipped, `..` goes up and stays at the root. Links are
 * not followed. ENOENT, ENOTDIR.
 */
export function walk(root: DirNode, path: string, caller: Caller): Node {
  const trail: DirNode[] = [root];
  let node: Node = root;
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (node.kind !== "dir") throw new Errno("ENOTDIR", `${path}: a component is not a directory`);
    if (name === "..") {
      if (trail.length > 1) trail.pop();
      node = trail.at(-1)!;
      continue;
    }
    node = node.lookup(caller, name);
    if (node.kind === "dir") trail.push(node);
  }
  return node;
}
