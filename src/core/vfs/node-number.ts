import type { DirNode, Node } from "./node.ts";

/**
 * A node's number: 64 bits in two halves, both unsigned. It says what the node is, so a server that takes this one's place
 * finds the same node under it without a table, and no other node ever has it. The root is 1; 0 is none.
 */
export interface NodeNumber {
  readonly high: number;
  readonly low: number;
}

/** The nodes of a file system by their numbers. */
export interface NodeNumbers {
  /** The number of a node of this file system. */
  of(node: Node): NodeNumber;
  /**
   * The node of that number: always the same object while anything refers to it. It is not checked whether its process still exists; an
   * operation on the node finds that out. ESTALE: no node can have this number.
   */
  node(high: number, low: number): Node;
  /** The directory that `..` of `dir` leads to. */
  parent(dir: DirNode): DirNode;
}

export const ROOT_NUMBER: NodeNumber = { high: 0, low: 1 };
