import type { Pid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import type { Caller } from "../vfs/caller.ts";
import type { DirEntry, DirNode, FileNode, FileSystem, Handle, LinkNode, Node, OpenMode, Stat } from "../vfs/node.ts";
import { type NodeNumber, type NodeNumbers, ROOT_NUMBER } from "../vfs/node-number.ts";
import { mapOutcome, type Outcome } from "../vfs/parked.ts";
import { counted } from "./counted.ts";
import { goneError, type ProcFile, type ProcLink, type ProcNode, type RootFile } from "./file.ts";
import { DIR_SLOT, inoOf, ROOT_INO, rootFileIno } from "./ino.ts";
import { isRoot, nodeMeaning, nodeNumber } from "./node-numbers.ts";
import type { ProcfsOptions } from "./options.ts";
import type { Ports, Process } from "./ports.ts";
import { nodesFor, rootFilesFor } from "./table.ts";

const CURPROC = "curproc";
/** A Lite2 number: the 1993 numbering has no slot for a link in the root, and pid 0 does not exist on Linux. */
const CURPROC_LINK_INO = 3;
/** Its node number: that of a file beside the processes. */
const CURPROC_LINK = { pid: 0, life: 0, slot: 2, curproc: true };
/** Entries of the root that are no processes come before them: their places are below this. */
const FIRST_PROCESS_PLACE = 1024;

function processStat(process: Process, slot: number, mode: number, nlink: number, size: number): Stat {
  if (!process.alive()) throw new Errno("ENOENT", `process ${process.pid} has exited`);
  const { uid, gid } = process.owner();
  return { ino: inoOf(process.pid, slot), mode, nlink, uid, gid, size, timeMs: Date.now() };
}

/** open(2)'s check of the permission bits, as the transport may not have made it. EACCES, EROFS. */
function checkMode(
  { name, mode: bits }: { readonly name: string; readonly mode: number },
  { uid, gid }: { readonly uid: number; readonly gid: number },
  caller: Caller,
  mode: OpenMode,
  options: ProcfsOptions,
): void {
  if (mode.write && options.readOnly) throw new Errno("EROFS", "mounted read-only");
  if (caller.fullRoot || mode.resumed) return;
  const shift = caller.uid === uid ? 6 : caller.gid === gid ? 3 : 0;
  const wanted = (mode.read ? 4 : 0) | (mode.write ? 2 : 0);
  if (((bits >> shift) & wanted) !== wanted) {
    throw new Errno("EACCES", `uid ${caller.uid} may not open ${name}, which belongs to uid ${uid}`);
  }
}

/** The handle, which says for whom it was opened. */
function openedBy(opener: Caller, opened: Outcome<Handle>): Outcome<Handle> {
  return mapOutcome(opened, (handle) => Object.assign(handle, { opener }));
}

/** The tree over live processes. Nodes are made on demand and kept with their process, one object per node. */
class ProcTree {
  readonly #ports: Ports;
  readonly #options: ProcfsOptions;
  /** Both keyed by process, so that a process which is no longer referred to takes its nodes along. */
  readonly #dirs = new WeakMap<Process, DirNode>();
  /** curproc's nodes are of its own: the kernel keeps one dentry per directory node and would move it back and forth. */
  readonly #curprocDirs = new WeakMap<Process, DirNode>();

  readonly #children = new WeakMap<DirNode, Map<ProcNode, FileNode | LinkNode>>();
  readonly #numbers = new WeakMap<Node, NodeNumber>();

  readonly #nodes: readonly ProcNode[];
  readonly #rootFiles = new Map<string, FileNode>();
  readonly #rootFilesBySlot = new Map<number, FileNode>();

  constructor(ports: Ports, options: ProcfsOptions) {
    this.#ports = ports;
    this.#options = options;
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
    parent: () => this.root,
  };

  #nodeAt(high: number, low: number): Node {
    const { pid, life, slot, curproc } = nodeMeaning(high, low);
    let node: Node | undefined;
    if (pid === 0) node = curproc ? this.#curprocLink : this.#rootFilesBySlot.get(slot);
    else {
      const process = this.#ports.processes.begun(pid as Pid, life);
      const dir = this.#dirOf(process, curproc);
      const row = this.#nodes.find((candidate) => candidate.slot === slot);
      node = slot === DIR_SLOT ? dir : row && this.#childOf(dir, process, curproc, row);
    }
    if (!node) throw new Errno("ESTALE", `there is no node ${high}:${low}`);
    return node;
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

  #childOf(dir: DirNode, process: Process, curproc: boolean, row: ProcNode): FileNode | LinkNode {
    const children = this.#children.get(dir)!;
    let child = children.get(row);
    if (!child) {
      child = this.#makeNode(process, row);
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

  /** Who opens, for whatever it does with the node later. What can change nothing is worth no fresh look. */
  #recorded(caller: Caller, mode: OpenMode): Caller {
    return this.#ports.access.recorded(caller, mode.write);
  }

  #makeRootFile(row: RootFile): FileNode {
    const { accounts } = this.#ports;
    const ino = rootFileIno(row.slot);
    const stat = (): Stat => ({ ino, mode: row.mode, nlink: 1, ...accounts.owner, size: 0, timeMs: Date.now() });
    return {
      kind: "file",
      stat,
      open: (caller, mode) => {
        const opener = this.#recorded(caller, mode);
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
      stat: () => processStat(process, DIR_SLOT, 0o555, 2, 0),
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

  #makeNode(process: Process, row: ProcNode): FileNode | LinkNode {
    return row.kind === "link" ? this.#makeLink(process, row) : this.#makeFile(process, row);
  }

  #makeLink(process: Process, row: ProcLink): LinkNode {
    return {
      kind: "link",
      stat: () => processStat(process, row.slot, row.mode, 1, 0),
      readlink: (caller) => row.target(process, caller, this.#ports),
    };
  }

  #makeFile(process: Process, row: ProcFile): FileNode {
    const ports = this.#ports;
    const options = this.#options;
    return {
      kind: "file",
      stat: () => processStat(process, row.slot, row.mode, 1, row.size?.(process) ?? 0),
      open: (caller, mode) => {
        if (!process.alive()) throw goneError(process);
        const opener = this.#recorded(caller, mode);
        checkMode(row, process.owner(), opener, mode, options);
        const open = (): Outcome<Handle> => row.open({ process, opener, mode, ports, options });
        return openedBy(opener, counted(ports.quotas, opener, open));
      },
    };
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
