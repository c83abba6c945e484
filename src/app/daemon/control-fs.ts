import { Errno } from "../../core/base/errno.ts";
import { fromUtf8, utf8 } from "../../core/base/text.ts";
import { memoryFileSystem } from "../../core/vfs/memory.ts";
import type { FileNode, FileSystem, Handle } from "../../core/vfs/node.ts";
import { Parked } from "../../core/vfs/parked.ts";
import { readSlice } from "../../core/vfs/slice.ts";
import { diskLines, diskWord } from "./disk-words.ts";
import type { DiskActions } from "./disks.ts";
import { type RunRequest, runWord } from "./run-word.ts";

/** The tree of the daemon itself, apart from that of the processes. */
export const DAEMON_TREE = "daemon";

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
}

/** Longest word with its arguments: an option list and a path. */
const LONGEST = 8192;

function node(ino: number, mode: number, handle: () => Handle): FileNode {
  const uid = process.geteuid!();
  const stat = { ino, mode, nlink: 1, uid, gid: process.getegid!(), size: 0 };
  return { kind: "file", stat: () => ({ ...stat, timeMs: Date.now() }), open: handle };
}

const text = (content: () => string) => (): Handle => {
  const bytes = utf8(content());
  return { read: (_caller, offset, into) => readSlice(bytes, offset, into) };
};

function file(ino: number, content: () => string): FileNode {
  return node(ino, 0o400, text(content));
}

/**
 * One connection's view. `ctl` takes `mount OPTIONS DIR` (`-` for no options), `run`, `stay`, `stop` and the words of memory disks;
 * `answer` is what the last word of this connection has to say, `error` in words why it failed, which a number cannot;
 * `mounts` lists the mounts, `disks` the memory disks; `pid` is the daemon.
 */
export function daemonFileSystem(actions: DaemonActions): FileSystem {
  let lastAnswer = "";
  let lastError = "";
  const failed = (error: unknown): Errno => {
    const errno = error instanceof Errno ? error : new Errno("EIO", String(error), error);
    lastError = errno.reason;
    return errno;
  };
  const perform = async (word: string): Promise<string | undefined> => {
    const mount = /^mount (\S+) (.+)$/s.exec(word);
    if (mount) await actions.mount(mount[1] === "-" ? "" : mount[1]!, mount[2]!);
    else if (word.startsWith("md ")) return diskWord(word.slice(3), actions.disks);
    else if (word.startsWith("run ")) return runWord(word.slice(4), actions.run);
    else if (word === "stay") actions.stay();
    else if (word === "stop" || word === "stop force") return actions.stop(word !== "stop");
    else throw new Errno("EOPNOTSUPP", `no word ${JSON.stringify(word)}`);
    return undefined;
  };
  const ctl = (): Handle => ({
    write: (_caller, _offset, data) => {
      if (data.length > LONGEST) throw new Errno("EMSGSIZE", `${data.length} bytes`);
      const { length } = data;
      const done = new Parked<number>();
      perform(fromUtf8(data).replace(/\n$/, "")).then(
        (answer) => {
          lastAnswer = answer === undefined ? "" : `${answer}\n`;
          done.settle(length);
        },
        (error) => done.fail(failed(error)),
      );
      return done;
    },
  });
  const disks = (): string => {
    try {
      return diskLines(actions.disks);
    } catch (error) {
      throw failed(error);
    }
  };
  const mounts = (): string =>
    actions
      .mounts()
      .map((dir) => `${dir}\n`)
      .join("");
  return memoryFileSystem({
    ctl: node(2, 0o200, ctl),
    error: file(3, () => lastError),
    mounts: file(4, mounts),
    answer: file(5, () => lastAnswer),
    disks: file(6, disks),
    pid: file(7, () => `${process.pid}\n`),
  });
}
