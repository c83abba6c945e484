import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Errno } from "../../core/base/errno.ts";
import { nodeErrno } from "../node-errno.ts";

/** Where the daemon of this user listens; LYONNAIS_RUNTIME_DIR says otherwise. */
export function daemonSocket(): string {
  return join(runtimeDir(), "daemon");
}

function runtimeDir(): string {
  const wanted = process.env["LYONNAIS_RUNTIME_DIR"];
  if (wanted) return wanted;
  const uid = process.geteuid!();
  if (uid === 0) return "/run/lyonnais";
  const base = process.env["XDG_RUNTIME_DIR"];
  return base ? join(base, "lyonnais") : join(tmpdir(), `lyonnais-${uid}`);
}

/** Makes the directory of `socket`. EPERM when it is not this user's alone: in /tmp anybody could have made it. */
export function makeRuntimeDir(socket: string): void {
  const dir = dirname(socket);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw nodeErrno(error);
  }
  const stat = lstatSync(dir);
  if (!stat.isDirectory() || stat.uid !== process.geteuid!() || (stat.mode & 0o022) !== 0) {
    throw new Errno("EPERM", `${dir} is not a directory that only this user can change; remove it`);
  }
}
