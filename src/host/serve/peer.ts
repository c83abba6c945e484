import type { Socket } from "node:net";
import type { Tid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { check } from "../linux/ffi/call.ts";
import { libcGetsockopt } from "../linux/ffi/libc.ts";

/** asm-generic/socket.h, the same on x86-64 and arm64. */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: pid, uid, gid. */
const UCRED_SIZE = 12;

/** Who is at the other end of a unix socket: who connected, as the kernel noted it then, or who listens; unix(7). */
export function peerOf(socket: Socket): Caller {
  // Node has no public way to a socket's descriptor; libuv's handle has shown it as `fd` since 0.10.
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) throw new Errno("ENOTCONN", "the client has gone");
  const ucred = Buffer.alloc(UCRED_SIZE);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(UCRED_SIZE);
  check(libcGetsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred, length), "SO_PEERCRED");
  return { tid: ucred.readInt32LE(0) as Tid, uid: ucred.readUInt32LE(4), gid: ucred.readUInt32LE(8) };
}
