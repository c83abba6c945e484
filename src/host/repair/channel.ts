import { ERRNO, Errno } from "../../core/base/errno.ts";
import { SOCK_NONBLOCK, SOCK_SEQPACKET, socketPair } from "../linux/descriptor-message.ts";
import { lastErrno } from "../linux/ffi/call.ts";
import { errnoNow, libcClose, libcRead, libcWrite } from "../linux/ffi/libc.ts";

/**
 * What is asked of the repairer.
 * - `handler`: a thread waits in a call that sets what becomes of a signal, `address` is its struct sigaction in words of `word` bytes.
 * - `look`: a process may have handlers already.
 * - `release`: a process is to be free for another tracer, and not to be seized again on our own account.
 * - `releaseFor`: the same for the thread `address`, where it may trace the process by its uid; of any other nothing is changed.
 * - `releaseCaller`: the same for a thread that waits in a call of ours, which is to be made again once it is free.
 * - `again`: a process that was released need not be free any longer.
 * - `leave`: never to be seized: it has kept another repairer from answering.
 * - `ping`: whether it answers.
 */
export const REQUESTS = [
  "handler",
  "look",
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
  /** Chosen by who asks; its answer has the same. */
  readonly id: number;
  /** A thread or a process, as `kind` has it. */
  readonly tid: number;
  readonly address: number;
  readonly word: number;
}

/** `errno` 0: done. `repeat`: the thread will stop, and is to make its call again. */
export interface RepairAnswer {
  readonly id: number;
  readonly errno: number;
  readonly repeat: boolean;
}

const REQUEST_SIZE = 32;
const ANSWER_SIZE = 16;
const bytes = Buffer.alloc(REQUEST_SIZE);

/** One end of a socket pair on which each message is one record, and nobody ever waits. The descriptor is the channel's. */
export class Channel {
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Descriptors of two ends: neither blocks, neither reaches a child by accident. */
  static pair(): readonly [number, number] {
    return socketPair(SOCK_SEQPACKET | SOCK_NONBLOCK);
  }

  /** False where the other end does not take it. */
  ask({ kind, id, tid, address, word }: RepairRequest): boolean {
    bytes.writeUInt32LE(REQUESTS.indexOf(kind), 0);
    bytes.writeUInt32LE(id, 4);
    bytes.writeUInt32LE(tid, 8);
    bytes.writeUInt32LE(word, 12);
    bytes.writeBigUInt64LE(BigInt(address), 16);
    return libcWrite(this.fd, bytes, REQUEST_SIZE) === REQUEST_SIZE;
  }

  answer({ id, errno, repeat }: RepairAnswer): boolean {
    bytes.writeUInt32LE(id, 0);
    bytes.writeUInt32LE(errno, 4);
    bytes.writeUInt32LE(repeat ? 1 : 0, 8);
    return libcWrite(this.fd, bytes, ANSWER_SIZE) === ANSWER_SIZE;
  }

  /** The next request that is there; EPIPE when there will be none any more. */
  nextRequest(): RepairRequest | undefined {
    if (!this.#read(REQUEST_SIZE)) return undefined;
    const kind = REQUESTS[bytes.readUInt32LE(0)];
    if (kind === undefined) throw new Errno("EPROTO", "a request that no repairer knows");
    return {
      ...{ kind, id: bytes.readUInt32LE(4), tid: bytes.readUInt32LE(8), word: bytes.readUInt32LE(12) },
      address: Number(bytes.readBigUInt64LE(16)),
    };
  }

  /** The next answer that is there; EPIPE when there will be none any more. */
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
