import { chmodSync, lstatSync, renameSync, rmSync } from "node:fs";
import { Errno } from "../../core/base/errno.ts";
import { check } from "./ffi/call.ts";
import { errnoNow, libcAccept4, libcBind, libcClose, libcListen, libcSocket } from "./ffi/libc.ts";

/** sys/socket.h, sys/un.h. */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SUN_PATH = 2;
const SUN_PATH_BYTES = 108;
const EAGAIN = 11;
const BACKLOG = 128;

function address(path: string): Buffer {
  const name = Buffer.from(path);
  if (name.length >= SUN_PATH_BYTES) throw new Errno("ENAMETOOLONG", `${path} is too long for a socket`);
  const bytes = Buffer.alloc(SUN_PATH + name.length + 1);
  bytes.writeUInt16LE(AF_UNIX, 0);
  name.copy(bytes, SUN_PATH);
  return bytes;
}

/**
 * A descriptor on which connections to `path` arrive, for this user alone (mode 0600) and never to be waited for. A socket that is there is
 * replaced; EEXIST for anything else. What the file system says.
 */
export function listenUnix(path: string): number {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isSocket()) throw new Errno("EEXIST", `${path} is there and is no socket; remove it`);
  // It gets its name when nobody else can connect any more.
  const fresh = `${path}.new`;
  rmSync(fresh, { force: true });
  const fd = check(libcSocket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  try {
    const name = address(fresh);
    check(libcBind(fd, name, name.length), path);
    chmodSync(fresh, 0o600);
    check(libcListen(fd, BACKLOG), path);
    renameSync(fresh, path);
    return fd;
  } catch (error) {
    libcClose(fd);
    rmSync(fresh, { force: true });
    throw error;
  }
}

/** The next connection, never to be waited for; undefined: none. EMFILE. */
export function acceptUnix(fd: number): number | undefined {
  const connection = libcAccept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (connection >= 0) return connection;
  if (errnoNow() === EAGAIN) return undefined;
  check(connection, "a connection");
  return undefined;
}
