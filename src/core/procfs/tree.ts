import type { Pid, Tid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import type { Caller } from "../vfs/caller.ts";
import type { DirEntry, DirNode, FileNode, FileSystem, Handle, LinkNode, Node, Stat } from "../vfs/node.ts";
import { type NodeNumber, type NodeNumbers, ROOT_NUMBER } from "../vfs/node-number.ts";
import type { Outcome } from "../vfs/parked.ts";
import { counted } from "./counted.ts";
import type { ProcNode, RootFile } from "./file.ts";
import { DIR_SLOT, inoOf, ROOT_INO, rootFileIno, THREAD_SLOT } from "./ino.ts";
import { checkMode, NodeFactory, openedBy, processStat } from "./node-factory.ts";
import { isRoot, nodeMeaning, nodeNumber } from "./node-numbers.ts";
import type { ProcfsOptions } from "./options.ts";
import type { Ports, Process } from "./ports.ts";
import { nodesFor, rootFilesFor } from "./table.ts";
import { ThreadDirs } from "./thread-dirs.ts";

const CURPROC = "curproc";
/** A Lite2 number: the 1993 numbering has no slot for a link in the root, and pid 0 does not exist on Linux. */
const CURPROC_LINK_INO = 3;
/** Its node number: that of a file beside the processes. */
const CURPROC_LINK = { pid: 0, life: 0, slot: 2, curproc: true };
/** Entries of the root that are no processes come before them: their places are below this. */
const FIRST_PROCESS_PLACE = 1024;

/** The tree over live processes. Nodes are made on demand and kept with their process, one object per node. */
class ProcTree {
  readonly #ports: Ports;
  readonly #options: ProcfsOptions;
  /** Both keyed by process, so that a process which is no longer referred to takes its nodes along. */
  readonly #dirs = new WeakMap<Process, DirNode>();
  /** curproc's nodes are of its own: the kernel keeps one dentry per directory node and would move it back and forth. */
  readonly #curprocDirs = new WeakMap<Process, DirNode>();

  readonly #children = new WeakMap<DirNode, Map<ProcNode, Node>>();
  /** Of each `lwp`. */
  readonly #threads = new WeakMap<Node, ThreadDirs>();
  /** Of the directories that are not in the root. */
  readonly #parents = new WeakMap<DirNode, DirNode>();
  readonly #factory: NodeFactory;
  readonly #numbers = new WeakMap<Node, NodeNumber>();

  readonly #nodes: readonly ProcNode[];
  readonly #rootFiles = new Map<string, FileNode>();
  readonly #rootFilesBySlot = new Map<number, FileNode>();

  constructor(ports: Ports, options: ProcfsOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#factory = new NodeFactory(ports, options);
    this.#nodes = nodesFor(options);
    for (const row of rootFilesFor(options)) {
      const node = this.#makeRootFile(row);
      this.#rootFiles.set(row.name, node);
      this.#rootFilesBySlot.set(row.slot, node);
      this.#numbers.set(node, nodeNumber({ pid: 0, life: 0, slot: row.slot, curproc: false }));
    }
    this.#numbers.set(this.root, ROOT_NUMBER);
    this.#numbers.set(this.#curprocLink, nodeNumber(CURPROC_LINK));
  }

  readonly numbers: NodeNumbers = {
    of: (node) => this.#numbers.get(node)!,
    node: (high, low) => (isRoot(high, low) ? this.root : this.#nodeAt(high, low)),
    parent: (dir) => this.#parents.get(dir) ?? this.root,
  };

  #nodeAt(high: number, low: number): Node {
    const { pid, life, slot, curproc } = nodeMeaning(high, low);
    let node: Node | undefined;
    if (pid === 0) node = curproc ? this.#curprocLink : this.#rootFilesBySlot.get(slot);
    else if (slot >= THREAD_SLOT) node = this.#threadNode(pid as Tid, life, slot - THREAD_SLOT, curproc);
    else {
      const process = this.#ports.processes.begun(pid as Pid, life);
      const dir = this.#dirOf(process, curproc);
      const row = this.#nodes.find((candidate) => candidate.slot === slot);
      node = slot === DIR_SLOT ? dir : row && this.#childOf(dir, process, curproc, row);
    }
    if (!node) throw new Errno("ESTALE", `there is no node ${high}:${low}`);
    return node;
  }

  /** A node of a thread; undefined where it is no thread of the process of that life any more. */
  #threadNode(tid: Tid, life: number, slot: number, curproc: boolean): Node | undefined {
    const process = this.#ports.processes.ofThread(tid);
    const row = this.#nodes.find(({ kind }) => kind === "dir");
    if (process?.life !== life || !row) return undefined;
    return this.#threads.get(this.#childOf(this.#dirOf(process, curproc), process, curproc, row))?.find(tid, slot);
  }

  readonly root: DirNode = {
    kind: "dir",
    stat: () => ({ ino: ROOT_INO, mode: 0o555, nlink: 2, uid: 0, gid: 0, size: 0, timeMs: Date.now() }),
    lookup: (caller, name) =>
      name === CURPROC ? this.#curproc(caller) : (this.#rootFiles.get(name) ?? this.#processNamed(name)),
    list: (caller) => this.#list(caller),
  };

  #dirOf(process: Process, curproc: boolean): DirNode {
    const cache = curproc ? this.#curprocDirs : this.#dirs;
    let dir = cache.get(process);
    if (!dir) {
      dir = this.#makeDir(process, curproc);
      cache.set(process, dir);
      this.#children.set(dir, new Map());
      this.#number(dir, process, curproc, DIR_SLOT);
    }
    return dir;
  }

  #childOf(dir: DirNode, process: Process, curproc: boolean, row: ProcNode): Node {
    const children = this.#children.get(dir)!;
    let child = children.get(row);
    if (!child) {
      child = this.#makeNode(process, row, curproc, dir);
      children.set(row, child);
      this.#number(child, process, curproc, row.slot);
    }
    return child;
  }

  #number(node: Node, { pid, life }: Process, curproc: boolean, slot: number): void {
    this.#numbers.set(node, nodeNumber({ pid, life, slot, curproc }));
  }

  #callerProcess(caller: Caller): Process {
    const process = caller.tid > 0 ? this.#ports.processes.ofThread(caller.tid) : undefined;
    if (!process) throw new Errno("ENOENT", "the caller has no process id here");
    return process;
  }

  #curproc(caller: Caller): Node {
    if (this.#options.curproc === "link") return this.#curprocLink;
    return this.#dirOf(this.#callerProcess(caller), true);
  }

  readonly #curprocLink: LinkNode = {
    kind: "link",
    stat: (caller) => {
      const size = String(this.#callerProcess(caller).pid).length;
      return { ino: CURPROC_LINK_INO, mode: 0o444, nlink: 1, uid: 0, gid: 0, size, timeMs: Date.now() };
    },
    readlink: (caller) => String(this.#callerProcess(caller).pid),
  };

  #processNamed(name: string): DirNode {
    const pid = /^[0-9]{1,10}$/.test(name) ? Number(name) : 0;
    const process = pid > 0 ? this.#ports.processes.find(pid as Pid) : undefined;
    if (!process) throw new Errno("ENOENT", `no process ${name}`);
    return this.#dirOf(process, false);
  }

  #list(caller: Caller): readonly DirEntry[] {
    const entries: DirEntry[] = [];
    if (this.#options.curproc === "link") entries.push({ name: CURPROC, ino: CURPROC_LINK_INO, kind: "link" });
    else {
      const own = caller.tid > 0 ? this.#ports.processes.ofThread(caller.tid) : undefined;
      // Who comes from another host has no process here, and never will.
      if (own || !caller.connection) {
        entries.push({ name: CURPROC, ino: own ? inoOf(own.pid, DIR_SLOT) : CURPROC_LINK_INO, kind: "dir" });
      }
    }
    for (const [name, node] of this.#rootFiles) entries.push({ name, ino: node.stat(caller).ino, kind: "file" });
    for (const pid of this.#ports.processes.pids()) {
      entries.push({ name: String(pid), ino: inoOf(pid, DIR_SLOT), kind: "dir", place: FIRST_PROCESS_PLACE + pid });
    }
    return entries;
  }

  #makeRootFile(row: RootFile): FileNode {
    const { accounts } = this.#ports;
    const ino = rootFileIno(row.slot);
    const stat = (): Stat => ({ ino, mode: row.mode, nlink: 1, ...accounts.owner, size: 0, timeMs: Date.now() });
    return {
      kind: "file",
      stat,
      open: (caller, mode) => {
        const opener = this.#ports.access.recorded(caller, mode.write);
        checkMode(row, accounts.owner, opener, mode, this.#options);
        const open = (): Outcome<Handle> => row.open({ opener, mode, ports: this.#ports });
        return openedBy(opener, counted(this.#ports.quotas, opener, open));
      },
    };
  }

  #makeDir(process: Process, curproc: boolean): DirNode {
    const entries = this.#nodes.map((row) => ({ name: row.name, ino: inoOf(process.pid, row.slot), kind: row.kind }));
    const dir: DirNode = {
      kind: "dir",
      stat: () => processStat(process, inoOf(process.pid, DIR_SLOT), 0o555, 2, 0),
      // Whether the process still lives is told by whatever is done with the child.
      lookup: (_caller, name) => {
        const row = this.#nodes.find((candidate) => candidate.name === name);
        if (!row) throw new Errno("ENOENT", `no file ${name} in a process directory`);
        return this.#childOf(dir, process, curproc, row);
      },
      list: () => {
        if (!process.alive()) throw new Errno("ENOENT", `process ${process.pid} has exited`);
        return entries;
      },
    };
    return dir;
  }

  #makeNode(process: Process, row: ProcNode, curproc: boolean, dir: DirNode): Node {
    const { link, file } = this.#factory;
    if (row.kind === "link") return link(process, row);
    return row.kind === "dir" ? this.#makeThreads(process, row.slot, curproc, dir) : file(process, row);
  }

  /** The directory of a process's threads. */
  #makeThreads(process: Process, slot: number, curproc: boolean, parent: DirNode): DirNode {
    const { pid, life } = process;
    const made = { ports: this.#ports, factory: this.#factory };
    const threads = new ThreadDirs(process, inoOf(pid, slot), made, (node, tid, threadSlot) => {
      this.#numbers.set(node, nodeNumber({ pid: tid, life, slot: THREAD_SLOT + threadSlot, curproc }));
      if (node.kind === "dir") this.#parents.set(node, threads.node);
    });
    this.#threads.set(threads.node, threads);
    this.#parents.set(threads.node, parent);
    return threads.node;
  }
}

/** The process file system over `ports`, as a transport serves it. */
export function procFileSystem(ports: Ports, options: ProcfsOptions): FileSystem {
  const { root, numbers } = new ProcTree(ports, options);
  return {
    root,
    numbers,
    refusal: options.readOnly ? "EROFS" : "EPERM",
    claims: ports.quotas,
    // df in units of 512 bytes prints 2 2 0 100 %, as in 1993.
    statfs: () => {
      const files = ports.processes.limit();
      const filesFree = Math.max(0, files - ports.processes.pids().length);
      return { blockSize: 1024, blocks: 1, blocksFree: 0, files, filesFree, nameMax: 255 };
    },
  };
}
