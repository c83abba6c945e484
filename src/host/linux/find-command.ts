import { accessSync, constants, existsSync, statSync } from "node:fs";
import { Errno } from "../../core/base/errno.ts";
import { fromUtf8 } from "../../core/base/text.ts";

/** Of execvp(3), where PATH is not set. */
const DEFAULT_PATH = "/bin:/usr/bin";
const SLASH = "/".charCodeAt(0);

/** Where execvp(3) would find a command: by its path, or in `searched`, the value of PATH. ENOENT, EACCES. */
export function findCommand(name: Buffer, searched: Buffer | undefined): Buffer {
  if (name.includes(SLASH)) return checked(name);
  const places = searched?.toString("latin1") ?? DEFAULT_PATH;
  const found = places
    .split(":")
    .map((dir) => Buffer.concat([Buffer.from(dir && `${dir}/`, "latin1"), name]))
    .filter(isFile);
  const [first] = found;
  if (first === undefined) throw new Errno("ENOENT", `no command ${fromUtf8(name)} in PATH`);
  return found.find(isExecutable) ?? checked(first);
}

/** Whether the path is a regular file. False also where that cannot be found out. */
function isFile(path: Buffer): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function isExecutable(path: Buffer): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function checked(path: Buffer): Buffer {
  if (!existsSync(path)) throw new Errno("ENOENT", `no command ${fromUtf8(path)}`);
  if (!isExecutable(path) || !isFile(path)) throw new Errno("EACCES", `${fromUtf8(path)} cannot be executed`);
  return path;
}
