import { MAX_TRANSFER } from "../../core/abi/fuse.ts";
import type { Agreement } from "../../core/wire/fuse/ops.ts";
import { SESSION_MEMORY_SIZES, type SessionMemory } from "../../core/wire/fuse/session-memory.ts";
import { check } from "../linux/ffi/call.ts";
import { libcClose, libcFtruncate, libcMemfdCreate } from "../linux/ffi/libc.ts";
import { mapFile, unmapFile } from "../linux/mapped-file.ts";

const MFD_CLOEXEC = 1;
/** The largest request: a WRITE with its headers. */
export const REQUEST_SIZE: number = MAX_TRANSFER + 4096;

/** Where what is; each part begins on a page. */
const RECORD_SIZE = 16384;
const PARKED = RECORD_SIZE;
const MEMOS = PARKED + SESSION_MEMORY_SIZES.parked;
const HANDLES = MEMOS + SESSION_MEMORY_SIZES.memos;
const REQUEST = HANDLES + SESSION_MEMORY_SIZES.handles;
const SIZE = REQUEST + REQUEST_SIZE;

/** In the record: the agreement in one word, the device in two, then the length of a text and the text. */
const AGREEMENT = 0;
const DEVICE = 4;
const TEXT_LENGTH = 12;
const TEXT = 16;
const AGREED = 0x8000_0000;
const RESENDS = 0x4000_0000;

/**
 * What a mount's next server has to know, in memory that is a file without a name: kept beside the mount's /dev/fuse, it ends with
 * the last process that has it. Whatever is written is there for the next one from that moment on. It takes the memory that was
 * touched, some kB.
 */
export class MountMemory {
  /** Of the memory; the object's own. */
  readonly fd: number;
  readonly session: SessionMemory;
  /** Where requests are read: the last one, until it is answered. */
  readonly request: Buffer;
  readonly #bytes: Buffer;

  private constructor(fd: number) {
    this.fd = fd;
    const bytes = mapFile(fd, SIZE, "memory of a mount");
    this.#bytes = bytes;
    this.session = {
      parked: bytes.subarray(PARKED, MEMOS),
      memos: bytes.subarray(MEMOS, HANDLES),
      handles: bytes.subarray(HANDLES, REQUEST),
    };
    this.request = bytes.subarray(REQUEST, SIZE);
  }

  /** `text` says what the mount is, for {@link text}; at most some 16,000 bytes. */
  static create(text: string): MountMemory {
    const fd = check(libcMemfdCreate("lyonnais-mount", MFD_CLOEXEC), "memory of a mount");
    check(libcFtruncate(fd, SIZE), "memory of a mount");
    const memory = new MountMemory(fd);
    memory.#bytes.writeUInt32LE(memory.#bytes.write(text, TEXT, RECORD_SIZE - TEXT, "utf8"), TEXT_LENGTH);
    return memory;
  }

  /** That of a server before this one. */
  static adopt(fd: number): MountMemory {
    return new MountMemory(fd);
  }

  get text(): string {
    return this.#bytes.toString("utf8", TEXT, TEXT + this.#bytes.readUInt32LE(TEXT_LENGTH));
  }

  /** What was agreed on with the kernel; undefined before INIT. */
  get agreement(): Agreement | undefined {
    const word = this.#bytes.readUInt32LE(AGREEMENT);
    return word === 0 ? undefined : { minor: word & 0xffff, resends: (word & RESENDS) !== 0 };
  }

  set agreement({ minor, resends }: Agreement) {
    this.#bytes.writeUInt32LE((AGREED | (resends ? RESENDS : 0) | minor) >>> 0, AGREEMENT);
  }

  /** `major:minor` of the mounted file system, as the mount table has it; undefined before it is mounted. */
  get device(): string | undefined {
    const [major, minor] = [this.#bytes.readUInt32LE(DEVICE), this.#bytes.readUInt32LE(DEVICE + 4)];
    return minor === 0 ? undefined : `${major}:${minor}`;
  }

  set device(device: string) {
    const [major, minor] = device.split(":").map(Number);
    this.#bytes.writeUInt32LE(major!, DEVICE);
    this.#bytes.writeUInt32LE(minor!, DEVICE + 4);
  }

  /** Nobody may use any part of it any more. */
  close(): void {
    unmapFile(this.#bytes);
    libcClose(this.fd);
  }
}
