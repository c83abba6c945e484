import { Errno, isErrno } from "../../base/errno.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { DirEntry, DirNode, FileSystem, Handle, Node, OpenMode } from "../../vfs/node.ts";
import { mapOutcome, type Outcome } from "../../vfs/parked.ts";
import { type HandleRecord, HandleRecords } from "./handle-records.ts";
import type { FuseRequest } from "./request.ts";
import type { SessionMemory } from "./session-memory.ts";

/** An open file with its handle in this process. */
export interface OpenFile {
  readonly kind: "file";
  readonly handle: Handle;
  /**
   * What it showed, in bytes, when a server before this one rendered it; that is lost, and what it shows now is something else:
   * only a reader who begins again can be served.
   */
  lost: number | undefined;
}

interface OpenDirectory {
  readonly kind: "dir";
  readonly entries: readonly DirEntry[];
  /** What it held of its opener's is free again. */
  release(): void;
}

function letGo(open: OpenFile | OpenDirectory): void {
  if (open.kind === "file") open.handle.close?.();
  else open.release();
}

const READ_ONLY: OpenMode = { read: true, write: false, exclusive: false };

/** The listing of a directory, with `.` and `..`. */
export function listing(fs: FileSystem, dir: DirNode, caller: FuseRequest["caller"]): readonly DirEntry[] {
  return [
    { name: ".", ino: dir.stat(caller).ino, kind: "dir" },
    { name: "..", ino: fs.numbers.parent(dir).stat(caller).ino, kind: "dir" },
    ...dir.list(caller),
  ];
}

/**
 * Open files and directories by the number the kernel passes back. What is open under a number is recorded: a file that a server
 * before this one opened is opened again, as whoever opened it, when it is first used.
 */
export class OpenFiles {
  readonly #open = new Map<number, OpenFile | OpenDirectory>();
  readonly #records: HandleRecords;
  readonly #fs: FileSystem;

  constructor(fs: FileSystem, memory: SessionMemory) {
    this.#fs = fs;
    this.#records = new HandleRecords(memory);
  }

  /** How many are open in this process. */
  get size(): number {
    return this.#open.size;
  }

  /** Opens again what keeps others out while it is open. */
  resumeExclusive(): void {
    for (const fh of this.#records.numbers()) {
      if (!this.#records.find(fh)!.mode.exclusive) continue;
      try {
        this.file(fh);
      } catch (error) {
        // Whoever uses it will be told.
        if (!isErrno(error)) throw error;
      }
    }
  }

  /** ENFILE. */
  addFile(request: FuseRequest, mode: OpenMode, handle: Handle): number {
    const file: OpenFile = { kind: "file", handle, lost: undefined };
    try {
      return this.#add(request, mode, file, handle.memo);
    } catch (error) {
      handle.close?.();
      throw error;
    }
  }

  /** ENFILE; EMFILE where the caller has too much open. */
  addDirectory(request: FuseRequest, entries: readonly DirEntry[]): number {
    const directory = this.#held(request.caller, entries);
    try {
      return this.#add(request, READ_ONLY, directory);
    } catch (error) {
      directory.release();
      throw error;
    }
  }

  #held(caller: Caller, entries: readonly DirEntry[]): OpenDirectory {
    return { kind: "dir", entries, release: this.#fs.claims?.directory(caller, entries.length) ?? (() => {}) };
  }

  /** EBADF for what is not an open file. For one that cannot be opened again the node's reason, ESTALE above all. */
  file(fh: number): Outcome<OpenFile> {
    const open = this.#open.get(fh);
    if (open?.kind === "file") return open;
    const { node, record } = this.#recorded(fh, "file");
    if (node.kind !== "file") throw new Errno("ESTALE", "the node is no file");
    const mode = { ...record.mode, resumed: { memo: record.memo } };
    return mapOutcome(node.open(record.opener, mode), (handle) => this.#resumed(fh, handle, record));
  }

  /** EBADF for what is not an open directory. */
  entries(fh: number): readonly DirEntry[] {
    const open = this.#open.get(fh);
    if (open?.kind === "dir") return open.entries;
    const { node, record } = this.#recorded(fh, "dir");
    if (node.kind !== "dir") throw new Errno("ESTALE", "the node is no directory");
    const entries = listing(this.#fs, node, record.opener);
    this.#open.set(fh, this.#held(record.opener, entries));
    return entries;
  }

  /** To be called before a write is made. EIO where a server before this one may have made it, and it cannot be made twice. */
  beginWrite(fh: number, unique: number, isResent: boolean, handle: Handle, data: Uint8Array): void {
    if (isResent && this.#records.wasWritten(fh, unique) && !handle.repeats?.(data)) {
      throw new Errno("EIO", "a server that has died may have done it already");
    }
    this.#records.noteWrite(fh, unique);
  }

  /** Somebody waits in poll(2), by the kernel's number `kh`; 0: nobody. */
  notePoll(fh: number, kh: number): void {
    this.#records.notePoll(fh, kh);
  }

  /** Those that a server before this one would have to wake. */
  polled(): readonly number[] {
    return [...this.#records.numbers()].map((fh) => this.#records.polledAs(fh)).filter((kh) => kh !== 0);
  }

  close(fh: number): void {
    const open = this.#open.get(fh);
    this.#open.delete(fh);
    this.#records.remove(fh);
    if (open) letGo(open);
  }

  /** Those of this process; what is recorded stays. */
  closeAll(): void {
    for (const open of this.#open.values()) letGo(open);
    this.#open.clear();
  }

  #add(request: FuseRequest, mode: OpenMode, file: OpenFile | OpenDirectory, memo?: Uint8Array): number {
    const { nodeHigh: high, nodeLow: low, caller, unique } = request;
    if (request.isResent) this.#records.removeOpenedBy(unique);
    const opener = (file.kind === "file" && file.handle.opener) || caller;
    const fh = this.#records.add(file.kind, { high, low }, opener, mode, unique, memo);
    this.#open.set(fh, file);
    return fh;
  }

  #recorded(fh: number, kind: HandleRecord["kind"]): { node: Node; record: HandleRecord } {
    const record = this.#open.has(fh) ? undefined : this.#records.find(fh);
    if (record?.kind !== kind) throw new Errno("EBADF", `no open ${kind} ${fh}`);
    return { node: this.#fs.numbers.node(record.node.high, record.node.low), record };
  }

  #resumed(fh: number, handle: Handle, { lost }: HandleRecord): OpenFile {
    const open = this.#open.get(fh);
    const isClosed = this.#records.find(fh) === undefined;
    // It has been closed, or opened by another request, while this one waited.
    if (open || isClosed) handle.close?.();
    if (open?.kind === "file") return open;
    if (isClosed) throw new Errno("EBADF", `no open file ${fh}`);
    const file: OpenFile = { kind: "file", handle, lost };
    this.#open.set(fh, file);
    return file;
  }
}
