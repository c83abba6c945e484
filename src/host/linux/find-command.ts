import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Errno } from "../../core/base/errno.ts";

/** Where execvp(3) would find a command: by its path, or in PATH. ENOENT, EACCES. */
export function findCommand(name: string): string {
  if (name.includes("/")) return checked(name);
  const places = (process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(delimiter);
  const found = places
    .map((dir) => join(dir || ".", name))
    .filter((path) => existsSync(path) && statSync(path).isFile());
  const [first] = found;
  if (first === undefined) throw new Errno("ENOENT", `no command ${name} in PATH`);
  return found.find(isExecutable) ?? checked(first);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function checked(path: string): string {
  if (!existsSync(path)) throw new Errno("ENOENT", `no command ${path}`);
  if (!isExecutable(path) || !statSync(path).isFile()) throw new Errno("EACCES", `${path} cannot be executed`);
  return path;
}
