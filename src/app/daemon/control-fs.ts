import { Errno } from "../../core/base/errno.ts";
import { fromUtf8, utf8 } from "../../core/base/text.ts";
import { memoryFileSystem } from "../../core/vfs/memory.ts";
import type { FileNode, FileSystem, Handle } from "../../core/vfs/node.ts";
import { Parked } from "../../core/vfs/parked.ts";
import { readSlice } from "../../core/vfs/slice.ts";

/** The tree of the daemon itself, apart from that of the processes. */
export const DAEMON_TREE = "daemon";

/** What the words of `ctl` do. */
export interface DaemonActions {
  mount(options: string, dir: string): Promise<void>;
  /** Not to end by itself. */
  stay(): void;
  stop(): void;
  /** A line each: where it is mounted. */
  mounts(): readonly string[];
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

/**
 * One connection's view: `ctl` takes `mount OPTIONS DIR` (`-` for no options), `stay` and `stop`; `error` says in words why the last
 * word of this connection failed, which a number cannot; `mounts` lists the mounts.
 */
export function daemonFileSystem(actions: DaemonActions): FileSystem {
  let lastError = "";
  const perform = async (word: string): Promise<void> => {
    const mount = /^mount (\S+) (.+)$/s.exec(word);
    if (mount) await actions.mount(mount[1] === "-" ? "" : mount[1]!, mount[2]!);
    else if (word === "stay") actions.stay();
    else if (word === "stop") actions.stop();
    else throw new Errno("EOPNOTSUPP", `no word ${JSON.stringify(word)}`);
  };
  const ctl = (): Handle => ({
    write: (_caller, _offset, data) => {
      if (data.length > LONGEST) throw new Errno("EMSGSIZE", `${data.length} bytes`);
      const { length } = data;
      const done = new Parked<number>();
      perform(fromUtf8(data).replace(/\n$/, "")).then(
        () => done.settle(length),
        (error) => {
          const errno = error instanceof Errno ? error : new Errno("EIO", String(error), error);
          lastError = errno.reason;
          done.fail(errno);
        },
      );
      return done;
    },
  });
  return memoryFileSystem({
    ctl: node(2, 0o200, ctl),
    error: node(
      3,
      0o400,
      text(() => lastError),
    ),
    mounts: node(
      4,
      0o400,
      text(() =>
        actions
          .mounts()
          .map((dir) => `${dir}\n`)
          .join(""),
      ),
    ),
  });
}
