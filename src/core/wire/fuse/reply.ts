import {
  DIRENT_HEADER_SIZE,
  DT_SHIFT,
  FUSE_NOTIFY_POLL,
  FUSE_UNIQUE_RESEND_HIGH,
  MAX_TRANSFER,
  NOTIFY_POLL_SIZE,
  OUT_ERROR,
  OUT_HEADER_SIZE,
  OUT_UNIQUE,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
} from "../../abi/fuse.ts";
import { latin1 } from "../../base/text.ts";
import type { NodeKind, Stat, StatFs } from "../../vfs/node.ts";

const TWO_32 = 0x1_0000_0000;
const TYPE_BITS: Record<NodeKind, number> = { dir: S_IFDIR, file: S_IFREG, link: S_IFLNK };

/** Room for every body that is no data: entries, attributes, statfs. */
const SMALL_BODY = 240;

/**
 * Where a bulk reply begins in its allocation, so that its body begins on a page: large allocations begin 16 bytes behind
 * one, and the header takes 16 more. Copying whole pages to whole pages is what bandwidth hangs on.
 */
const BODY_ON_PAGE = 4096 - 16 - OUT_HEADER_SIZE;

/** A reply being made: the header, then a body that handlers fill. Used again and again; a parked request keeps its own. */
export class FuseReply {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  /** `bulk`: with room for the largest transfer. */
  constructor(bulk: boolean) {
    const size = OUT_HEADER_SIZE + (bulk ? MAX_TRANSFER : SMALL_BODY);
    this.bytes = bulk ? new Uint8Array(BODY_ON_PAGE + size).subarray(BODY_ON_PAGE) : new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset);
  }

  /** The part of the body that may hold `count` bytes. */
  body(count: number): Uint8Array {
    return this.bytes.subarray(OUT_HEADER_SIZE, OUT_HEADER_SIZE + count);
  }

  /** The finished message: `error` is an errno or 0, `length` the body's; `resent` as the request was. */
  finish(unique: number, resent: boolean, error: number, length: number): Uint8Array {
    const total = OUT_HEADER_SIZE + length;
    this.#view.setUint32(0, total, true);
    this.#view.setInt32(OUT_ERROR, -error, true);
    this.#u64At(OUT_UNIQUE, unique);
    if (resent) this.bytes[OUT_UNIQUE + 7]! |= FUSE_UNIQUE_RESEND_HIGH >>> 24;
    return this.bytes.subarray(0, total);
  }

  /** The finished message, which answers no request: what poll(2) says of the kernel's file `kh` may have changed. */
  pollNotice(kh: number): Uint8Array {
    this.u64(0, kh);
    return this.finish(0, false, -FUSE_NOTIFY_POLL, NOTIFY_POLL_SIZE);
  }

  clear(length: number): void {
    this.bytes.fill(0, OUT_HEADER_SIZE, OUT_HEADER_SIZE + length);
  }

  u16(at: number, value: number): void {
    this.#view.setUint16(OUT_HEADER_SIZE + at, value, true);
  }

  u32(at: number, value: number): void {
    this.#view.setUint32(OUT_HEADER_SIZE + at, value, true);
  }

  u64(at: number, value: number): void {
    this.#u64At(OUT_HEADER_SIZE + at, value);
  }

  /** struct fuse_attr at body offset `at`. */
  attr(at: number, kind: NodeKind, stat: Stat): void {
    const seconds = Math.floor(stat.timeMs / 1000);
    const nanoseconds = (stat.timeMs - seconds * 1000) * 1_000_000;
    this.u64(at, stat.ino);
    this.u64(at + 8, stat.size);
    this.u64(at + 16, Math.ceil(stat.size / 512));
    for (const field of [24, 32, 40]) this.u64(at + field, seconds);
    for (const field of [48, 52, 56]) this.u32(at + field, nanoseconds);
    this.u32(at + 60, TYPE_BITS[kind] | stat.mode);
    this.u32(at + 64, stat.nlink);
    this.u32(at + 68, stat.uid);
    this.u32(at + 72, stat.gid);
    this.u32(at + 76, 0);
    this.u32(at + 80, 4096);
    this.u32(at + 84, 0);
  }

  /** struct fuse_statfs_out. */
  statfs(stat: StatFs): void {
    this.u64(0, stat.blocks);
    this.u64(8, stat.blocksFree);
    this.u64(16, stat.blocksFree);
    this.u64(24, stat.files);
    this.u64(32, stat.filesFree);
    this.u32(40, stat.blockSize);
    this.u32(44, stat.nameMax);
    this.u32(48, stat.blockSize);
  }

  /**
   * Appends a directory entry at body offset `at`; returns where the next one goes, or -1 when `limit` has no room for
   * this one. `next` is the offset from which a reader continues behind it.
   */
  dirent(at: number, limit: number, entry: { name: string; ino: number; kind: NodeKind }, next: number): number {
    const name = latin1(entry.name);
    const size = DIRENT_HEADER_SIZE + name.length;
    const padded = (size + 7) & ~7;
    if (at + padded > limit) return -1;
    this.u64(at, entry.ino);
    this.u64(at + 8, next);
    this.u32(at + 16, name.length);
    this.u32(at + 20, TYPE_BITS[entry.kind] >> DT_SHIFT);
    const start = OUT_HEADER_SIZE + at;
    this.bytes.set(name, start + DIRENT_HEADER_SIZE);
    this.bytes.fill(0, start + size, start + padded);
    return at + padded;
  }

  #u64At(at: number, value: number): void {
    this.#view.setUint32(at, value % TWO_32, true);
    this.#view.setUint32(at + 4, Math.floor(value / TWO_32), true);
  }
}
