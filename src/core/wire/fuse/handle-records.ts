import type { Tid } from "../../base/brand.ts";
import { copyOf } from "../../base/bytes.ts";
import { Errno } from "../../base/errno.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { OpenMode } from "../../vfs/node.ts";
import type { NodeNumber } from "../../vfs/node-number.ts";
import { HANDLE_SLOTS, MEMO_BLOCK_SIZE, MEMO_BLOCKS, type SessionMemory, SLOT_SIZE } from "./session-memory.ts";

/** What is open. Slot 0 is none: its first word says how many slots have ever been in use. */
export type HandleKind = "file" | "dir";

/** Byte offsets in a slot. KIND is written last and cleared first, so that a slot is whole or free. */
const KIND = 0;
const NODE_HIGH = 4;
const NODE_LOW = 8;
const TID = 12;
const UID = 16;
const GID = 20;
const MODE = 24;
/** Counts the uses of the slot. */
const GENERATION = 28;
/** Of the request that opened it, and of the last write. */
const OPENED_BY = 32;
const WRITTEN_BY = 40;
const MEMO_LENGTH = 48;
/** INLINE, LOST, or the number of a block. */
const MEMO_PLACE = 52;
/** The kernel's number for who waits in poll(2), 0 for nobody. */
const POLLED_AS = 56;
const MEMO = 64;

const FILE = 1;
const DIR = 2;
const READ = 1;
const WRITE = 2;
const EXCLUSIVE = 4;
/** Whether it is noted that the opener was full root, and that it was. */
const ROOT_NOTED = 8;
const FULL_ROOT = 16;
const NO_MEMO = 0xffff_ffff;
const INLINE = MEMO_BLOCKS;
const LOST = MEMO_BLOCKS + 1;
const TWO_32 = 0x1_0000_0000;

function bitsOf({ read, write, exclusive }: OpenMode): number {
  return (read ? READ : 0) | (write ? WRITE : 0) | (exclusive ? EXCLUSIVE : 0);
}

function modeOf(bits: number): OpenMode {
  return {
    read: (bits & READ) !== 0,
    write: (bits & WRITE) !== 0,
    exclusive: (bits & EXCLUSIVE) !== 0,
  };
}

/** A file that was opened, as far as it is recorded. */
export interface HandleRecord {
  readonly kind: HandleKind;
  readonly node: NodeNumber;
  readonly opener: Caller;
  readonly mode: OpenMode;
  /** `undefined`: it had none. */
  readonly memo: Uint8Array | undefined;
  /** It had a memo of so many bytes, too long to be kept. */
  readonly lost: number | undefined;
}

/**
 * The open files of a session in memory that outlives it: by a number that names slot and use, so that one of a use that is over
 * is none. All writes are in place.
 */
export class HandleRecords {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #memos: Uint8Array;
  readonly #free: number[] = [];
  readonly #freeBlocks: number[] = [];

  constructor({ handles, memos }: SessionMemory) {
    this.#view = new DataView(handles.buffer, handles.byteOffset, handles.byteLength);
    this.#bytes = handles;
    this.#memos = memos;
    const blocks = new Set(Array.from({ length: MEMO_BLOCKS }, (_, i) => i));
    for (let slot = 1; slot <= this.#used; slot++) {
      if (this.#get(slot, KIND) === 0) this.#free.push(slot);
      else if (this.#get(slot, MEMO_LENGTH) !== NO_MEMO) blocks.delete(this.#get(slot, MEMO_PLACE));
    }
    this.#freeBlocks.push(...blocks);
  }

  /** How many slots have ever been in use: those above it are not touched, and take no memory. */
  get #used(): number {
    return this.#view.getUint32(0, true);
  }

  /** Numbers of all that is open. */
  *numbers(): Generator<number> {
    for (let slot = 1; slot <= this.#used; slot++) if (this.#get(slot, KIND) !== 0) yield this.#number(slot);
  }

  /** ENFILE. `unique` is the request's. */
  add(kind: HandleKind, node: NodeNumber, opener: Caller, mode: OpenMode, unique: number, memo?: Uint8Array): number {
    const slot = this.#free.pop() ?? this.#used + 1;
    if (slot >= HANDLE_SLOTS)
      throw new Errno("ENFILE", `${HANDLE_SLOTS - 1} files of this mount are open; no more can be`);
    if (slot > this.#used) this.#view.setUint32(0, slot, true);
    this.#set(slot, NODE_HIGH, node.high);
    this.#set(slot, NODE_LOW, node.low);
    this.#set(slot, TID, opener.tid);
    this.#set(slot, UID, opener.uid);
    this.#set(slot, GID, opener.gid);
    const root = opener.fullRoot === undefined ? 0 : ROOT_NOTED | (opener.fullRoot ? FULL_ROOT : 0);
    this.#set(slot, MODE, bitsOf(mode) | root);
    this.#set(slot, GENERATION, this.#get(slot, GENERATION) + 1);
    this.#setUnique(slot, OPENED_BY, unique);
    this.#setUnique(slot, WRITTEN_BY, 0);
    this.#setUnique(slot, POLLED_AS, 0);
    this.#keepMemo(slot, memo);
    this.#set(slot, KIND, kind === "file" ? FILE : DIR);
    return this.#number(slot);
  }

  find(fh: number): HandleRecord | undefined {
    const slot = this.#slot(fh);
    if (slot === 0) return undefined;
    const mode = this.#get(slot, MODE);
    const length = this.#get(slot, MEMO_LENGTH);
    const isLost = length !== NO_MEMO && this.#get(slot, MEMO_PLACE) === LOST;
    return {
      kind: this.#get(slot, KIND) === FILE ? "file" : "dir",
      node: { high: this.#get(slot, NODE_HIGH), low: this.#get(slot, NODE_LOW) },
      opener: {
        tid: this.#view.getInt32(slot * SLOT_SIZE + TID, true) as Tid,
        uid: this.#get(slot, UID),
        gid: this.#get(slot, GID),
        ...((mode & ROOT_NOTED) !== 0 && { fullRoot: (mode & FULL_ROOT) !== 0 }),
      },
      mode: modeOf(mode),
      memo: length === NO_MEMO || isLost ? undefined : copyOf(this.#memo(slot, length)),
      lost: isLost ? length : undefined,
    };
  }

  /** A write of the file begins: request `unique`. */
  noteWrite(fh: number, unique: number): void {
    const slot = this.#slot(fh);
    if (slot !== 0) this.#setUnique(slot, WRITTEN_BY, unique);
  }

  /** Whether that request's write was begun, by this server or one before it. */
  wasWritten(fh: number, unique: number): boolean {
    const slot = this.#slot(fh);
    return slot !== 0 && this.#getUnique(slot, WRITTEN_BY) === unique;
  }

  notePoll(fh: number, kh: number): void {
    const slot = this.#slot(fh);
    if (slot !== 0) this.#setUnique(slot, POLLED_AS, kh);
  }

  polledAs(fh: number): number {
    const slot = this.#slot(fh);
    return slot === 0 ? 0 : this.#getUnique(slot, POLLED_AS);
  }

  remove(fh: number): void {
    const slot = this.#slot(fh);
    if (slot !== 0) this.#release(slot);
  }

  /** Takes back what a request that is sent again has opened: its client never heard of it. */
  removeOpenedBy(unique: number): void {
    for (let slot = 1; slot <= this.#used; slot++) {
      if (this.#get(slot, KIND) !== 0 && this.#getUnique(slot, OPENED_BY) === unique) this.#release(slot);
    }
  }

  #release(slot: number): void {
    this.#set(slot, KIND, 0);
    const place = this.#get(slot, MEMO_PLACE);
    if (this.#get(slot, MEMO_LENGTH) !== NO_MEMO && place < MEMO_BLOCKS) this.#freeBlocks.push(place);
    this.#free.push(slot);
  }

  #keepMemo(slot: number, memo: Uint8Array | undefined): void {
    const inline = memo && memo.length <= SLOT_SIZE - MEMO;
    const block = memo && !inline && memo.length <= MEMO_BLOCK_SIZE ? this.#freeBlocks.pop() : undefined;
    this.#set(slot, MEMO_LENGTH, memo?.length ?? NO_MEMO);
    this.#set(slot, MEMO_PLACE, inline ? INLINE : (block ?? LOST));
    if (memo && (inline || block !== undefined)) this.#memo(slot, memo.length).set(memo);
  }

  #memo(slot: number, length: number): Uint8Array {
    const place = this.#get(slot, MEMO_PLACE);
    if (place < MEMO_BLOCKS) return this.#memos.subarray(place * MEMO_BLOCK_SIZE, place * MEMO_BLOCK_SIZE + length);
    const at = slot * SLOT_SIZE + MEMO;
    return this.#bytes.subarray(at, at + length);
  }

  #number(slot: number): number {
    return this.#get(slot, GENERATION) * HANDLE_SLOTS + slot;
  }

  /** 0 for a number of nothing that is open. */
  #slot(fh: number): number {
    const slot = fh % HANDLE_SLOTS;
    const isOpen = slot > 0 && slot <= this.#used && this.#get(slot, KIND) !== 0 && this.#number(slot) === fh;
    return isOpen ? slot : 0;
  }

  #get(slot: number, at: number): number {
    return this.#view.getUint32(slot * SLOT_SIZE + at, true);
  }

  #set(slot: number, at: number, value: number): void {
    this.#view.setUint32(slot * SLOT_SIZE + at, value, true);
  }

  #getUnique(slot: number, at: number): number {
    return this.#get(slot, at + 4) * TWO_32 + this.#get(slot, at);
  }

  #setUnique(slot: number, at: number, unique: number): void {
    this.#set(slot, at, unique % TWO_32);
    this.#set(slot, at + 4, Math.floor(unique / TWO_32));
  }
}
