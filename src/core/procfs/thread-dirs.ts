import type { Tid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import type { DirNode, FileNode, Node } from "../vfs/node.ts";
import type { ProcFile } from "./file.ts";
import { DIR_SLOT, inoOf, THREAD_SLOT } from "./ino.ts";
import { type NodeFactory, processStat } from "./node-factory.ts";
import type { Ports, Process } from "./ports.ts";
import { THREAD_NODES } from "./table.ts";

/** Directories kept of one process; those of threads that have gone are let go beyond that. */
const MAX_KEPT = 1024;

/** Behind the places of `.` and `..`. */
const FIRST_PLACE = 2;

interface ThreadNodes {
  readonly dir: DirNode;
  readonly files: ReadonlyMap<number, FileNode>;
}

/** The directories of one process's threads, made on demand. */
export class ThreadDirs {
  readonly node: DirNode;
  readonly #process: Process;
  readonly #ports: Ports;
  readonly #factory: NodeFactory;
  readonly #number: (node: Node, tid: Tid, slot: number) => void;
  readonly #kept = new Map<Tid, ThreadNodes>();
  /** As many kept are worth looking which threads have gone: twice as many as were left the last time. */
  #forgetAt = MAX_KEPT;

  /** `ino` is that of the directory of them all; `number` is told of each node, once. */
  constructor(
    process: Process,
    ino: number,
    { ports, factory }: { readonly ports: Ports; readonly factory: NodeFactory },
    number: (node: Node, tid: Tid, slot: number) => void,
  ) {
    this.#process = process;
    this.#ports = ports;
    this.#factory = factory;
    this.#number = number;
    this.node = {
      kind: "dir",
      stat: () => processStat(process, ino, 0o555, 2, 0),
      lookup: (_caller, name) => this.#named(name).dir,
      list: () =>
        this.#living().map((tid) => ({
          name: String(tid),
          ino: inoOf(tid, THREAD_SLOT + DIR_SLOT),
          kind: "dir",
          place: FIRST_PLACE + tid,
        })),
    };
  }

  /** The node of a thread's directory or file. ENOENT for a thread that the process does not have. */
  find(tid: Tid, slot: number): Node | undefined {
    const { dir, files } = this.#nodesOf(tid);
    return slot === DIR_SLOT ? dir : files.get(slot);
  }

  #living(): Tid[] {
    if (!this.#process.alive()) throw new Errno("ENOENT", `process ${this.#process.pid} has exited`);
    return [...this.#process.threads()].sort((a, b) => a - b);
  }

  #named(name: string): ThreadNodes {
    const tid = (/^[1-9][0-9]{0,9}$/.test(name) ? Number(name) : 0) as Tid;
    if (tid === 0) throw new Errno("ENOENT", `no thread ${name}`);
    return this.#nodesOf(tid);
  }

  #nodesOf(tid: Tid): ThreadNodes {
    const process = this.#process;
    if (this.#ports.processes.ofThread(tid) !== process) {
      this.#kept.delete(tid);
      throw new Errno("ENOENT", `process ${process.pid} has no thread ${tid}`);
    }
    let nodes = this.#kept.get(tid);
    if (!nodes) {
      if (this.#kept.size >= this.#forgetAt) this.#forgetDead();
      nodes = this.#make(tid);
      this.#kept.set(tid, nodes);
    }
    return nodes;
  }

  #forgetDead(): void {
    const living = new Set(this.#process.threads());
    for (const tid of [...this.#kept.keys()]) if (!living.has(tid)) this.#kept.delete(tid);
    this.#forgetAt = Math.max(MAX_KEPT, 2 * this.#kept.size);
  }

  #make(tid: Tid): ThreadNodes {
    const process = this.#process;
    const inode = (slot: number): number => inoOf(tid, THREAD_SLOT + slot);
    const rows = new Map<string, ProcFile>(THREAD_NODES.map((row) => [row.name, row]));
    const files = new Map(THREAD_NODES.map((row) => [row.slot, this.#factory.file(process, row, tid)]));
    const entries = THREAD_NODES.map(({ name, slot, kind }) => ({ name, ino: inode(slot), kind }));
    const dir: DirNode = {
      kind: "dir",
      stat: () => processStat(process, inode(DIR_SLOT), 0o555, 2, 0),
      lookup: (_caller, name) => {
        const row = rows.get(name);
        if (!row) throw new Errno("ENOENT", `no file ${name} in the directory of a thread`);
        return files.get(row.slot)!;
      },
      list: () => {
        this.#nodesOf(tid);
        return entries;
      },
    };
    this.#number(dir, tid, DIR_SLOT);
    for (const [slot, file] of files) this.#number(file, tid, slot);
    return { dir, files };
  }
}
