import {
  FUSE_UNIQUE_RESEND_HIGH,
  IN_GID,
  IN_HEADER_SIZE,
  IN_LEN,
  IN_NODEID,
  IN_OPCODE,
  IN_PID,
  IN_UID,
  IN_UNIQUE,
} from "../../abi/fuse.ts";
import type { Tid } from "../../base/brand.ts";
import { Errno } from "../../base/errno.ts";
import type { Caller } from "../../vfs/caller.ts";

const TWO_32 = 0x1_0000_0000;

function uniqueOf(view: DataView, at: number): number {
  return (view.getUint32(at + 4, true) % FUSE_UNIQUE_RESEND_HIGH) * TWO_32 + view.getUint32(at, true);
}

/** One request of the kernel, as a view of the bytes read from /dev/fuse; valid until the next one is read. */
export class FuseRequest {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly length: number;

  /** `length` bytes of `bytes` are the request. EINVAL when they are not one whole message. */
  constructor(bytes: Uint8Array, length: number) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.length = length;
    if (length < IN_HEADER_SIZE || this.view.getUint32(IN_LEN, true) !== length) {
      throw new Errno("EINVAL", `a FUSE message of ${length} bytes that is not one`);
    }
  }

  /** The header alone, valid as long as it is held. */
  keepHeader(): FuseRequest {
    // Not slice(): a Node Buffer's is a view of the same bytes.
    const header = new Uint8Array(this.bytes.subarray(0, IN_HEADER_SIZE));
    new DataView(header.buffer).setUint32(IN_LEN, IN_HEADER_SIZE, true);
    return new FuseRequest(header, IN_HEADER_SIZE);
  }

  /** The same, valid as long as it is held. */
  copy(): FuseRequest {
    return new FuseRequest(new Uint8Array(this.bytes.subarray(0, this.length)), this.length);
  }

  get opcode(): number {
    return this.view.getUint32(IN_OPCODE, true);
  }

  /** The request's number, the same when it is sent again. */
  get unique(): number {
    return uniqueOf(this.view, IN_UNIQUE);
  }

  /** A server before this one had it and did not answer. The answer has to say so, too. */
  get isResent(): boolean {
    return this.view.getUint32(IN_UNIQUE + 4, true) >= FUSE_UNIQUE_RESEND_HIGH;
  }

  /** The two halves of the node's number. */
  get nodeHigh(): number {
    return this.view.getUint32(IN_NODEID + 4, true);
  }

  get nodeLow(): number {
    return this.view.getUint32(IN_NODEID, true);
  }

  /** The number of another request, at byte `at` of the body. */
  uniqueAt(at: number): number {
    return uniqueOf(this.view, IN_HEADER_SIZE + at);
  }

  get uid(): number {
    return this.view.getUint32(IN_UID, true);
  }

  get caller(): Caller {
    return {
      tid: this.view.getInt32(IN_PID, true) as Tid,
      uid: this.uid,
      gid: this.view.getUint32(IN_GID, true),
    };
  }

  /** Bytes after the header. */
  get bodyLength(): number {
    return this.length - IN_HEADER_SIZE;
  }

  /** The 32-bit field at byte `at` of the body. */
  u32(at: number): number {
    return this.view.getUint32(IN_HEADER_SIZE + at, true);
  }

  /** A 64-bit field: exact below 2^53, only large above. */
  u64(at: number): number {
    return this.#u64At(IN_HEADER_SIZE + at);
  }

  /** `count` bytes of the body from `at`. EINVAL when it has fewer. */
  body(at: number, count: number): Uint8Array {
    if (at + count > this.bodyLength) throw new Errno("EINVAL", "a FUSE message with a count beyond its end");
    return this.bytes.subarray(IN_HEADER_SIZE + at, IN_HEADER_SIZE + at + count);
  }

  /** The NUL-terminated name at the start of the body; one character a byte. EINVAL without its end. */
  name(): string {
    let text = "";
    for (let at = IN_HEADER_SIZE; at < this.length; at++) {
      const byte = this.bytes[at]!;
      if (byte === 0) return text;
      text += String.fromCharCode(byte);
    }
    throw new Errno("EINVAL", "a name without its end");
  }

  #u64At(at: number): number {
    return this.view.getUint32(at + 4, true) * TWO_32 + this.view.getUint32(at, true);
  }
}
