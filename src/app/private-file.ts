import { closeSync, constants, existsSync, fstatSync, lstatSync, mkdirSync, openSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { Errno } from "../core/base/errno.ts";
import { nodeErrno } from "./node-errno.ts";

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
const STICKY = 0o1000;
const WRITABLE_BY_OTHERS = 0o002;

/**
 * Opens a file of this user's own, as a log or a history is, with `flags` of open(2); it and its directory are made when O_CREAT is
 * among them. EPERM when somebody else could have put there what is opened: it is a link or another's, or a directory above it is.
 */
export function openPrivate(path: string, flags: number): number {
  try {
    const dir = dirname(path);
    refuseForeign(dir);
    if (flags & O_CREAT) mkdirSync(dir, { recursive: true, mode: 0o700 });
    // Not to wait for the reader of a pipe: it is refused.
    const fd = openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, 0o600);
    const stat = fstatSync(fd);
    if (stat.isFile() && stat.uid === process.geteuid!()) return fd;
    closeSync(fd);
    throw new Errno("EPERM", `${path} is not a file of this user's own`);
  } catch (error) {
    throw nodeErrno(error);
  }
}

/** Who may own what is above a file of ours: root, as it is called here, and we ourselves. */
function trusted(): readonly number[] {
  return [0, process.geteuid!(), lstatSync("/").uid];
}

/** EPERM unless only this user and root can change what `dir` leads to. */
function refuseForeign(dir: string): void {
  let there = dir;
  while (!existsSync(there)) there = dirname(there);
  const owners = trusted();
  for (let at = realpathSync(there); ; at = dirname(at)) {
    const { uid, mode } = lstatSync(at);
    const open = (mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0;
    if (open) throw new Errno("EPERM", `${dir}: everybody may change ${at}`);
    if (!owners.includes(uid)) throw new Errno("EPERM", `${dir}: ${at} belongs to uid ${uid}`);
    if (at === "/") return;
  }
}

/** The descriptor of a log, to be appended to; what is said to it is lost where {@link openPrivate} refuses it. */
export function openLog(file: string): number {
  try {
    return openPrivate(file, O_WRONLY | O_APPEND | O_CREAT);
  } catch {
    return openSync("/dev/null", "w");
  }
}
