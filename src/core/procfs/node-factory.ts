import type { Tid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import type { Caller } from "../vfs/caller.ts";
import type { FileNode, Handle, LinkNode, OpenMode, Stat } from "../vfs/node.ts";
import { mapOutcome, type Outcome } from "../vfs/parked.ts";
import { counted } from "./counted.ts";
import { goneError, type ProcFile, type ProcLink } from "./file.ts";
import { inoOf, THREAD_SLOT } from "./ino.ts";
import type { ProcfsOptions } from "./options.ts";
import type { Ports, Process } from "./ports.ts";

/** ENOENT once the process is gone. */
export function processStat(process: Process, ino: number, mode: number, nlink: number, size: number): Stat {
  if (!process.alive()) throw new Errno("ENOENT", `process ${process.pid} has exited`);
  const { uid, gid } = process.owner();
  return { ino, mode, nlink, uid, gid, size, timeMs: Date.now() };
}

/** open(2)'s check of the permission bits, as the transport may not have made it. EACCES, EROFS. */
export function checkMode(
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
export function openedBy(opener: Caller, opened: Outcome<Handle>): Outcome<Handle> {
  return mapOutcome(opened, (handle) => Object.assign(handle, { opener }));
}

/** Makes the nodes of rows, for one tree. */
export class NodeFactory {
  readonly #ports: Ports;
  readonly #options: ProcfsOptions;

  constructor(ports: Ports, options: ProcfsOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  readonly link = (process: Process, row: ProcLink): LinkNode => ({
    kind: "link",
    stat: () => processStat(process, inoOf(process.pid, row.slot), row.mode, 1, 0),
    readlink: (caller) => row.target(process, caller, this.#ports),
  });

  /** Of a process, or of a thread. */
  readonly file = (process: Process, row: ProcFile, tid?: Tid): FileNode => {
    const ports = this.#ports;
    const options = this.#options;
    const ino = tid === undefined ? inoOf(process.pid, row.slot) : inoOf(tid, THREAD_SLOT + row.slot);
    return {
      kind: "file",
      stat: () => processStat(process, ino, row.mode, 1, row.size?.(process) ?? 0),
      open: (caller, mode) => {
        if (!process.alive()) throw goneError(process);
        // What can change nothing is worth no fresh look.
        const opener = ports.access.recorded(caller, mode.write);
        checkMode(row, process.owner(), opener, mode, options);
        const open = (): Outcome<Handle> => row.open({ process, tid, opener, mode, ports, options });
        return openedBy(opener, counted(ports.quotas, opener, open));
      },
    };
  };
}
