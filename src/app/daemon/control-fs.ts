import { Errno } from "../../core/base/errno.ts";
import { fromUtf8, utf8 } from "../../core/base/text.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { memoryFileSystem } from "../../core/vfs/memory.ts";
import type { FileNode, FileSystem, Handle } from "../../core/vfs/node.ts";
import { Parked } from "../../core/vfs/parked.ts";
import { readSlice } from "../../core/vfs/slice.ts";
import type { LimitsActions } from "./daemon-limits.ts";
import { findDaemonWord } from "./daemon-words.ts";
import { diskLines } from "./disk-words.ts";
import type { DiskActions } from "./disks.ts";
import type { EnrolRequest } from "./enrol-word.ts";
import type { RunRequest } from "./run-word.ts";

/** What the words of `ctl` do. */
export interface DaemonActions {
  mount(options: string, dir: string): Promise<void>;
  /** Not to end by itself. */
  stay(): void;
  /** EBUSY while commands are under limits, unless `force`d: then their limits are lifted, which is the answer. */
  stop(force: boolean): Promise<string | undefined>;
  /** False for a process that is under accounting already: it has got the limits. */
  run(request: RunRequest): Promise<boolean>;
  /** A line each: where it is mounted. */
  mounts(): readonly string[];
  readonly disks: DiskActions;
  readonly limits: LimitsActions;
  /** Container runtimes may connect to a socket at that path from now on. */
  agent(path: string): Promise<void>;
  /** Nothing where its user has no limits. */
  enrol(request: EnrolRequest): Promise<void>;
  /** Whether the caller has every right the daemon has, now. */
  owns(caller: Caller): boolean;
}

/** Longest word with its arguments: an option list and a path. */
const LONGEST = 8192;

function node(ino: number, mode: number, handle: () => Handle): FileNode {
  const uid = process.geteuid!();
  const stat = { ino, mode, nlink: 1, uid, gid: process.getegid!(), size: 0 };
  return { kind: "file", stat: () => ({ ...stat, timeMs: Date.now() }), open: handle };
}

function file(ino: number, content: () => string): FileNode {
  return node(ino, 0o400, () => {
    const bytes = utf8(content());
    return { read: (_caller, offset, into) => readSlice(bytes, offset, into) };
  });
}

const asErrno = (error: unknown): Errno => (error instanceof Errno ? error : new Errno("EIO", String(error), error));

/** `ctl`, opened: takes words, and what the last one has to say is read where it was written. */
function openCtl(actions: DaemonActions): Handle {
  let answer = utf8("");
  const perform = async (caller: Caller, text: string): Promise<void> => {
    const { row, rest } = findDaemonWord(text);
    if (row.own && !actions.owns(caller)) {
      throw new Errno("EPERM", `${row.word} needs every right of the daemon, which uid ${caller.uid} has not got here`);
    }
    const said = await row.run(actions, rest);
    answer = utf8(said === undefined ? "" : `${said}\n`);
  };
  return {
    read: (_caller, offset, into) => readSlice(answer, offset, into),
    write: (caller, _offset, data) => {
      if (data.length > LONGEST) throw new Errno("EMSGSIZE", `${data.length} bytes`);
      const { length } = data;
      const done = new Parked<number>();
      perform(caller, fromUtf8(data).replace(/\n$/, "")).then(
        () => done.settle(length),
        (error) => done.fail(asErrno(error)),
      );
      return done;
    },
  };
}

/**
 * `ctl` takes the words of {@link findDaemonWord}; `mounts` lists the mounts, `disks` the memory disks; `pid` is the daemon.
 */
export function daemonFileSystem(actions: DaemonActions): FileSystem {
  const disks = (): string => {
    try {
      return diskLines(actions.disks);
    } catch (error) {
      throw asErrno(error);
    }
  };
  const mounts = (): string =>
    actions
      .mounts()
      .map((dir) => `${dir}\n`)
      .join("");
  return memoryFileSystem({
    ctl: node(2, 0o600, () => openCtl(actions)),
    mounts: file(4, mounts),
    disks: file(6, disks),
    pid: file(7, () => `${process.pid}\n`),
  });
}
