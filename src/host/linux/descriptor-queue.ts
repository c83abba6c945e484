import { Errno, isErrno } from "../../core/base/errno.ts";
import { utf8 } from "../../core/base/text.ts";
import {
  LONGEST_TEXT,
  receiveDescriptor,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  sendDescriptor,
  socketPair,
} from "./descriptor-message.ts";
import { check } from "./ffi/call.ts";
import { libcClose, libcGetsockopt, libcSetsockopt } from "./ffi/libc.ts";

/** asm-generic/socket.h and linux/socket.h. */
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_PEEK_OFF = 42;
const MSG_PEEK = 2;

/** More than the kernel charges a socket's buffer for a waiting message: 768 to 1280 bytes on Linux 6.18, by the length of its text. */
const MESSAGE_COST = 2048;

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

/**
 * Named descriptors in a queue of the kernel. Each is a message (SCM_RIGHTS) that waits in a socket pair, and stays open while any process
 * has the pair open. Every step leaves each name in the queue at least once, so a kill between two steps loses nothing.
 */
export class DescriptorQueue {
  /** The two ends of the socket pair: messages are sent to one and received from the other. A process that has both has the queue. */
  readonly ends: readonly [number, number];
  readonly #names: Set<string>;
  readonly #capacity: number;

  private constructor(ends: readonly [number, number], names: Iterable<string>) {
    this.ends = ends;
    this.#names = new Set(names);
    const size = int(0);
    check(libcGetsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, size, int(4)), "SO_SNDBUF");
    // `drop` needs one place, for a copy.
    this.#capacity = Math.floor(size.readInt32LE(0) / MESSAGE_COST) - 1;
  }

  /** A new queue with that many places, as far as net.core.wmem_max allows; a hundred fit everywhere. */
  static create(wanted: number): DescriptorQueue {
    const ends = socketPair(SOCK_SEQPACKET | SOCK_NONBLOCK);
    check(libcSetsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, int(((wanted + 1) * MESSAGE_COST) / 2), 4), "SO_SNDBUF");
    return new DescriptorQueue(ends, []);
  }

  /** The queue that another process left, and copies of what is in it. */
  static adopt(ends: readonly [number, number]): { queue: DescriptorQueue; held: ReadonlyMap<string, number> } {
    const peekFrom = (offset: number): void => {
      check(libcSetsockopt(ends[1], SOL_SOCKET, SO_PEEK_OFF, int(offset), 4), "the descriptors that were kept");
    };
    const held = new Map<string, number>();
    let copied: string | undefined;
    peekFrom(0);
    for (let next = received(ends[1], MSG_PEEK); next; next = received(ends[1], MSG_PEEK)) {
      const { text, fd } = next;
      if (!held.has(text)) held.set(text, fd);
      else {
        copied = text;
        libcClose(fd);
      }
    }
    peekFrom(-1);
    const queue = new DescriptorQueue(ends, held.keys());
    // The last process was killed in the middle of a drop: the first message has a copy at the end of the queue.
    if (copied !== undefined) queue.#removeFirst();
    return { queue, held };
  }

  /** How many descriptors the queue can hold. */
  get capacity(): number {
    return this.#capacity;
  }

  get size(): number {
    return this.#names.size;
  }

  /** Puts a copy of a descriptor into the queue; it is there when the call returns. EEXIST, ENAMETOOLONG, ENOSPC, EBADF. */
  hold(name: string, fd: number): void {
    const { length } = utf8(name);
    if (length === 0) throw new Errno("EINVAL", "a descriptor is kept under a name");
    if (length > LONGEST_TEXT) throw new Errno("ENAMETOOLONG", `a name of ${length} bytes: ${LONGEST_TEXT} at most`);
    if (this.#names.has(name)) throw new Errno("EEXIST", `${name} is kept already`);
    if (this.#names.size >= this.#capacity) {
      throw new Errno("ENOSPC", `${this.#capacity} descriptors are kept, no more fit; raise net.core.wmem_max`);
    }
    sendDescriptor(this.ends[0], name, fd);
    this.#names.add(name);
  }

  /** Removes a descriptor. Takes time proportional to the number of those put in before it. */
  drop(name: string): void {
    if (!this.#names.has(name)) return;
    // Only the first message can be received. Those before the wanted one move to the end: each is copied there, then removed.
    for (;;) {
      const first = received(this.ends[1], MSG_PEEK);
      if (!first) break;
      try {
        if (first.text !== name) sendDescriptor(this.ends[0], first.text, first.fd);
      } finally {
        libcClose(first.fd);
      }
      this.#removeFirst();
      if (first.text === name) break;
    }
    this.#names.delete(name);
  }

  /** Closes the ends in this process. The descriptors inside are closed with the last process that has the queue. */
  close(): void {
    for (const end of this.ends) libcClose(end);
  }

  #removeFirst(): void {
    const first = received(this.ends[1], 0);
    if (first) libcClose(first.fd);
  }
}

function received(socket: number, flags: number): { text: string; fd: number } | undefined {
  try {
    return receiveDescriptor(socket, flags);
  } catch (error) {
    if (isErrno(error, "EAGAIN")) return undefined;
    throw error;
  }
}
