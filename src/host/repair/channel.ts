import { ERRNO, Errno } from "../../core/base/errno.ts";
import { SOCK_NONBLOCK, SOCK_SEQPACKET, socketPair } from "../linux/descriptor-message.ts";
import { lastErrno } from "../linux/ffi/call.ts";
import { errnoNow, libcClose, libcRead, libcWrite } from "../linux/ffi/libc.ts";

/**
 * What the daemon and the accountant can ask of the repairer.
 * - `handler`: thread `tid` waits in sigaction; `address` is its struct sigaction, in words of `word` bytes. Seizes its process if it
 *   installs a handler after which an interrupted call fails.
 * - `inspect`: seizes process `tid` if it has such handlers already.
 * - `release`: detaches from process `tid`, so that another tracer can attach, and leaves it alone from then on.
 * - `releaseFor`: as `release`, if thread `address` may trace the process by its uid; does nothing otherwise.
 * - `releaseCaller`: as `release`, for the process of thread `tid`, which waits in a trapped call that it makes again once it is free.
 * - `again`: process `tid` was released and may be seized again.
 * - `leave`: never seizes process `tid`: it has kept an earlier repairer from answering.
 * - `ping`: only answers.
 */
export const REQUESTS = [
  "handler",
  "inspect",
  "release",
  "releaseFor",
  "releaseCaller",
  "again",
  "leave",
  "ping",
] as const;
export type RequestKind = (typeof REQUESTS)[number];

export interface RepairRequest {
  readonly kind: RequestKind;
  /** Chosen by the sender; the answer has the same. */
  readonly id: number;
  /** A thread or a process, as `kind` has it. */
  readonly tid: number;
  readonly address: number;
  readonly word: number;
}

/** `errno`: 0 for done. `repeat`: the thread will stop, and has to make its call again. */
export interface RepairAnswer {
  readonly id: number;
  readonly errno: number;
  readonly repeat: boolean;
}

const REQUEST_SIZE = 32;
const ANSWER_SIZE = 16;
const bytes = Buffer.alloc(REQUEST_SIZE);

/** One end of a SOCK_SEQPACKET pair: each message is one packet, and no call waits. It owns the descriptor. */
export class Channel {
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** The descriptors of the two ends: non-blocking, close-on-exec. */
  static pair(): readonly [number, number] {
    return socketPair(SOCK_SEQPACKET | SOCK_NONBLOCK);
  }

  /** Sends a request. False: the other end takes no more, or is closed. */
  ask({ kind, id, tid, address, word }: RepairRequest): boolean {
    bytes.writeUInt32LE(REQUESTS.indexOf(kind), 0);
    bytes.writeUInt32LE(id, 4);
    bytes.writeUInt32LE(tid, 8);
    bytes.writeUInt32LE(word, 12);
    bytes.writeBigUInt64LE(BigInt(address), 16);
    return libcWrite(this.fd, bytes, REQUEST_SIZE) === REQUEST_SIZE;
  }

  /** Sends an answer. False as {@link ask}. */
  answer({ id, errno, repeat }: RepairAnswer): boolean {
    bytes.writeUInt32LE(id, 0);
    bytes.writeUInt32LE(errno, 4);
    bytes.writeUInt32LE(repeat ? 1 : 0, 8);
    return libcWrite(this.fd, bytes, ANSWER_SIZE) === ANSWER_SIZE;
  }

  /** The next request that has come, undefined for none. EPIPE: the other end is closed. */
  nextRequest(): RepairRequest | undefined {
    if (!this.#read(REQUEST_SIZE)) return undefined;
    const kind = REQUESTS[bytes.readUInt32LE(0)];
    if (kind === undefined) throw new Errno("EPROTO", "a request that no repairer knows");
    return {
      ...{ kind, id: bytes.readUInt32LE(4), tid: bytes.readUInt32LE(8), word: bytes.readUInt32LE(12) },
      address: Number(bytes.readBigUInt64LE(16)),
    };
  }

  /** The next answer that has come, undefined for none. EPIPE: the other end is closed. */
  nextAnswer(): RepairAnswer | undefined {
    if (!this.#read(ANSWER_SIZE)) return undefined;
    return { id: bytes.readUInt32LE(0), errno: bytes.readUInt32LE(4), repeat: bytes.readUInt32LE(8) !== 0 };
  }

  #read(size: number): boolean {
    const count = libcRead(this.fd, bytes, size);
    if (count === size) return true;
    if (count < 0 && (errnoNow() === ERRNO.EAGAIN || errnoNow() === ERRNO.EINTR)) return false;
    if (count < 0 && errnoNow() !== ERRNO.ECONNRESET) throw lastErrno("the channel of the repairer");
    throw new Errno("EPIPE", "the other end of the repairer's channel is closed");
  }

  close(): void {
    libcClose(this.fd);
  }
}
