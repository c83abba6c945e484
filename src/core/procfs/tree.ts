import type { Pid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import type { Caller } from "../vfs/caller.ts";
import type { DirEntry, DirNode, FileNode, FileSystem, LinkNode, Node, OpenMode, Stat } from "../vfs/node.ts";
import { goneError, type ProcFile, type ProcLink, type ProcNode, type RootFile } from "./file.ts";
import { DIR_SLOT, inoOf, ROOT_INO, rootFileIno } from "./ino.ts";
import type { ProcfsOptions } from "./options.ts";
import type { Ports, Process } from "./ports.ts";
import { nodesFor, rootFilesFor } from "./table.ts";

const CURPROC = "curproc";
/** A Lite2 number: the 1993 numbering has no slot for a link in the root, and pid 0 does not exist on Linux. */
const CURPROC_LINK_INO = 3;

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
  if (caller.uid === 0) return;
  const shift = caller.uid === uid ? 6 : caller.gid === gid ? 3 : 0;
  const wanted = (mode.read ? 4 : 0) | (mode.write ? 2 : 0);
  if (((bits >> shift) & wanted) !== wanted) {
    throw new Errno("EACCES", `uid ${caller.uid} may not open ${name}, which belongs to uid ${uid}`);
  }
}

/** The tree over live processes. Nodes are made on demand and kept with their process, one object per node. */
class ProcTree {
  readonly #ports: Ports;
  readonly #options: ProcfsOptions;
  /** Both keyed by process, so that a process which is no longer referred to takes its nodes along. */
  readonly #dirs = new WeakMap<Process, DirNode>();
  /** curproc's nodes are of its own: the kernel keeps one dentry per directory node and would move it back and forth. */
  readonly #curprocDirs = new WeakMap<Process, DirNode>();

  readonly #nodes: readonly ProcNode[];
  readonly #rootFiles = new Map<string, FileNode>();

  constructor(ports: Ports, options: ProcfsOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#nodes = nodesFor(options);
    for (const row of rootFilesFor(options)) this.#rootFiles.set(row.name, this.#makeRootFile(row));
  }

  readonly root: DirNode = {
    kind: "dir",
    stat: () => ({ ino: ROOT_INO, mode: 0o555, nlink: 2, uid: 0, gid: 0, size: 0, timeMs: Date.now() }),
    lookup: (caller, name) =>
      name === CURPROC ? this.#curproc(caller) : (this.#rootFiles.get(name) ?? this.#processNamed(name)),
    list: (caller) => this.#list(caller),
  };

  #dirOf(process: Process, cache: WeakMap<Process, DirNode>): DirNode {
    let dir = cache.get(process);
    if (!dir) {
      dir = this.#makeDir(process);
      cache.set(process, dir);
    }
    return dir;
  }

  #callerProcess(caller: Caller): Process {
    const process = caller.tid > 0 ? this.#ports.processes.ofThread(caller.tid) : undefined;
    if (!process) throw new Errno("ENOENT", "the caller has no process id here");
    return process;
  }

  #curproc(caller: Caller): Node {
    if (this.#options.curproc === "link") return this.#curprocLink;
    return this.#dirOf(this.#callerProcess(caller), this.#curprocDirs);
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
    return this.#dirOf(process, this.#dirs);
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
      entries.push({ name: String(pid), ino: inoOf(pid, DIR_SLOT), kind: "dir" });
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
      open: (opener, mode) => {
        checkMode(row, accounts.owner, opener, mode, this.#options);
        return row.open({ ports: this.#ports });
      },
    };
  }

  #makeDir(process: Process): DirNode {
    const children = new Map<string, FileNode | LinkNode>();
    const entries = this.#nodes.map((row) => ({ name: row.name, ino: inoOf(process.pid, row.slot), kind: row.kind }));
    return {
      kind: "dir",
      stat: () => processStat(process, DIR_SLOT, 0o555, 2, 0),
      // Whether the process still lives is told by whatever is done with the child.
      lookup: (_caller, name) => {
        let child = children.get(name);
        if (!child) {
          const row = this.#nodes.find((candidate) => candidate.name === name);
          if (!row) throw new Errno("ENOENT", `no file ${name} in a process directory`);
          child = this.#makeNode(process, row);
          children.set(name, child);
        }
        return child;
      },
      list: () => {
        if (!process.alive()) throw new Errno("ENOENT", `process ${process.pid} has exited`);
        return entries;
      },
    };
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
      open: (opener, mode) => {
        if (!process.alive()) throw goneError(process);
        checkMode(row, process.owner(), opener, mode, options);
        return row.open({ process, opener, mode, ports, options });
      },
    };
  }
}

/** The process file system over `ports`, as a transport serves it. */
export function procFileSystem(ports: Ports, options: ProcfsOptions): FileSystem {
  return {
    root: new ProcTree(ports, options).root,
    refusal: options.readOnly ? "EROFS" : "EPERM",
    // df in units of 512 bytes prints 2 2 0 100 %, as in 1993.
    statfs: () => {
      const files = ports.processes.limit();
      const filesFree = Math.max(0, files - ports.processes.pids().length);
      return { blockSize: 1024, blocks: 1, blocksFree: 0, files, filesFree, nameMax: 255 };
    },
  };
}
