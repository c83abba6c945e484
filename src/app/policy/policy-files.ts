import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { nodeErrno } from "../node-errno.ts";

/** Where an administrator writes limits; {@link policyFiles} says what else is read. */
export const DEFAULT_CONFIG = "/etc/lyonnais/limits.toml";

const DROP_INS = "limits.d";
/** Longer is no configuration. */
const MOST_BYTES = 1 << 20;

export interface PolicyFile {
  readonly path: string;
  readonly text: string;
}

/**
 * `config`, where it is there, and after it `limits.d/*.toml` beside it in the order of their names' bytes. EPERM: who could change one
 * is neither root nor this user. EINVAL: no file, EFBIG, and what the file system says.
 */
export function policyFiles(config: string): readonly PolicyFile[] {
  const dir = join(dirname(config), DROP_INS);
  const paths = [config, ...dropIns(dir).map((name) => join(dir, name))];
  return paths.flatMap((path) => {
    const text = readIfThere(path);
    return text === undefined ? [] : [{ path, text }];
  });
}

/** One of them. ENOENT, and as {@link policyFiles}. */
export function policyFile(path: string): PolicyFile {
  const text = readIfThere(path);
  if (text === undefined) throw new Errno("ENOENT", `there is no file ${path}`);
  return { path, text };
}

function dropIns(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => name.endsWith(".toml") && !name.startsWith("."))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  } catch (error) {
    const errno = nodeErrno(error);
    if (isErrno(errno, "ENOENT")) return [];
    throw errno;
  }
}

function readIfThere(path: string): string | undefined {
  let fd: number;
  try {
    // Not to wait for a writer where it is a pipe.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const errno = nodeErrno(error);
    if (isErrno(errno, "ENOENT")) return undefined;
    throw errno;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Errno("EINVAL", `${path} is no regular file`);
    if (stat.size > MOST_BYTES) throw new Errno("EFBIG", `${path} has ${stat.size} bytes, more than ${MOST_BYTES}`);
    if (stat.uid !== 0 && stat.uid !== process.geteuid!())
      throw new Errno("EPERM", `${path} belongs to uid ${stat.uid}, who could change it; chown root ${path}`);
    if ((stat.mode & 0o022) !== 0)
      throw new Errno("EPERM", `${path} can be changed by others than its owner; chmod go-w ${path}`);
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}
