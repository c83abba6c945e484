import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Errno } from "../../core/base/errno.ts";
import type { ControlScope } from "../../core/procfs/options.ts";
import { nodeErrno } from "../node-errno.ts";

/** The daemon's trees of the processes: who controls what is attached through them. */
export const TREE_OF_CONTROL: Readonly<Record<ControlScope, string>> = { session: "", process: "own" };

/** The tree of the daemon itself, apart from those of the processes. */
export const DAEMON_TREE = "daemon";

/** Where the daemon of this user listens; LYONNAIS_RUNTIME_DIR says otherwise. */
export function daemonSocket(): string {
  return join(runtimeDir(), "daemon");
}

/** Whether that is where this user's daemon is looked for when nothing is said. */
export function isDefaultPlace(): boolean {
  return !process.env["LYONNAIS_RUNTIME_DIR"];
}

function runtimeDir(): string {
  const wanted = process.env["LYONNAIS_RUNTIME_DIR"];
  if (wanted) return wanted;
  const uid = process.geteuid!();
  if (uid === 0) return "/run/lyonnais";
  const base = process.env["XDG_RUNTIME_DIR"];
  return base ? join(base, "lyonnais") : join(tmpdir(), `lyonnais-${uid}`);
}

/** Makes the directory of `socket`. Errors: {@link isOwnRuntimeDir}. */
export function makeRuntimeDir(socket: string): void {
  const dir = dirname(socket);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw nodeErrno(error);
  }
  // Whoever could make it before us, as anybody can in /tmp, shows in what it is.
  if (!isOwnRuntimeDir(socket)) throw new Errno("ENOENT", `${dir} went while it was made`);
}

/**
 * Whether the directory of `socket` is there. EPERM when it is, and is not this user's alone: what listens there could be
 * anybody's.
 */
export function isOwnRuntimeDir(socket: string): boolean {
  const dir = dirname(socket);
  const stat = lstat(dir);
  if (!stat) return false;
  const mine = "remove it, or set LYONNAIS_RUNTIME_DIR to a directory of your own";
  if (!stat.isDirectory()) throw new Errno("EPERM", `${dir}, where your daemon belongs, is not a directory; ${mine}`);
  if (stat.uid !== process.geteuid!()) {
    throw new Errno("EPERM", `${dir}, where your daemon belongs, is the directory of uid ${stat.uid}; ${mine}`);
  }
  if ((stat.mode & 0o077) !== 0) {
    throw new Errno("EPERM", `${dir}, where your daemon belongs, is open to others; chmod 700 ${dir}`);
  }
  return true;
}

function lstat(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // What is above it may not be looked into, or is no directory: then nothing of ours is there.
    const errno = nodeErrno(error);
    if (errno.code === "ENOTDIR" || errno.code === "EACCES") return undefined;
    throw errno;
  }
}
