import { ERRNO, Errno } from "../../core/base/errno.ts";
import { fromUtf8, utf8 } from "../../core/base/text.ts";
import { check } from "./ffi/call.ts";
import { addressOf, errnoNow, libcClose, libcRecvmsg, libcSendmsg, libcSocketpair } from "./ffi/libc.ts";

/** sys/socket.h. */
const AF_UNIX = 1;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const SOCK_CLOEXEC = 0o2000000;
const MSG_CTRUNC = 8;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;

/** Kinds of socket pairs. */
export const SOCK_STREAM = 1;
export const SOCK_SEQPACKET = 5;
export const SOCK_NONBLOCK = 0o4000;

/** Longest text beside a descriptor, in bytes. */
export const LONGEST_TEXT = 255;

/** A control message with one descriptor, cmsg(3): a header of 16 bytes, the number, padding to eight. */
const CMSG_HEADER = 16;
const CMSG_LENGTH = CMSG_HEADER + 4;

// One struct msghdr of 64-bit Linux over one piece of text and one descriptor serves every call: each is over before the
// next begins, and what the addresses in it point at must live as long as it does.
const data = Buffer.alloc(LONGEST_TEXT);
const iovec = Buffer.alloc(16);
const control = Buffer.alloc(CMSG_HEADER + 8);
const message = Buffer.alloc(56);
iovec.writeBigUInt64LE(BigInt(addressOf(data)), 0);
message.writeBigUInt64LE(BigInt(addressOf(iovec)), 16);
message.writeBigUInt64LE(1n, 24);
message.writeBigUInt64LE(BigInt(addressOf(control)), 32);

function prepare(length: number): void {
  iovec.writeBigUInt64LE(BigInt(addressOf(data)), 0);
  iovec.writeBigUInt64LE(BigInt(length), 8);
  message.writeBigUInt64LE(BigInt(control.length), 40);
  control.fill(0);
}

/** Two connected unix sockets, neither of which reaches a child process by accident. */
export function socketPair(type: number): readonly [number, number] {
  const pair = Buffer.alloc(8);
  check(libcSocketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), "socketpair");
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}

/** Sends a copy of `fd` with `text`, which must not be empty nor longer than {@link LONGEST_TEXT}. */
export function sendDescriptor(socket: number, text: string, fd: number): void {
  const bytes = utf8(text);
  data.set(bytes);
  prepare(bytes.length);
  control.writeBigUInt64LE(BigInt(CMSG_LENGTH), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  control.writeInt32LE(fd, CMSG_HEADER);
  check(libcSendmsg(socket, message, MSG_NOSIGNAL), `send descriptor ${fd}`);
}

/**
 * The next message, its descriptor closed on exec; undefined for a message without one, and when there will be none.
 * EMFILE: it has one, and this process has no place for it.
 */
export function receiveDescriptor(socket: number, flags = 0): { text: string; fd: number } | undefined {
  prepare(data.length);
  const count = check(libcRecvmsg(socket, message, flags | MSG_CMSG_CLOEXEC), "receive a descriptor");
  if ((message.readInt32LE(48) & MSG_CTRUNC) !== 0) {
    throw new Errno("EMFILE", "too many open files to take over another; raise the limit (ulimit -n)");
  }
  if (count === 0 || message.readBigUInt64LE(40) < CMSG_LENGTH) return undefined;
  return { text: fromUtf8(data.subarray(0, count)), fd: control.readInt32LE(CMSG_HEADER) };
}

/** A piece of a message, and a descriptor that came with it, closed on exec. */
export interface Piece {
  readonly count: number;
  readonly fd: number | undefined;
}

/**
 * The next piece of a stream into `into`; a count of 0: it has ended. undefined: nothing yet, on a socket that is not to be waited for.
 * Of several descriptors only the first is taken, and that is EMFILE, as where this process has no place for it.
 */
export function receivePiece(socket: number, into: Buffer): Piece | undefined {
  iovec.writeBigUInt64LE(BigInt(addressOf(into)), 0);
  iovec.writeBigUInt64LE(BigInt(into.length), 8);
  message.writeBigUInt64LE(BigInt(CMSG_LENGTH), 40);
  control.fill(0);
  const count = libcRecvmsg(socket, message, MSG_CMSG_CLOEXEC);
  if (count < 0 && errnoNow() === ERRNO.EAGAIN) return undefined;
  check(count, "receive a descriptor");
  const fd = message.readBigUInt64LE(40) < CMSG_LENGTH ? undefined : control.readInt32LE(CMSG_HEADER);
  if ((message.readInt32LE(48) & MSG_CTRUNC) === 0) return { count, fd };
  if (fd !== undefined) libcClose(fd);
  throw new Errno("EMFILE", "more descriptors than can be taken");
}
