/**
 * What of a session has to outlive the process that serves it: a server that takes its place is given the same bytes. All of it
 * is zero when the session begins, and only ever what is written here is true.
 */
export interface SessionMemory {
  /** {@link HANDLE_SLOTS} of {@link SLOT_SIZE} bytes: what is open. */
  readonly handles: Uint8Array;
  /** {@link MEMO_BLOCKS} of {@link MEMO_BLOCK_SIZE} bytes: memos of open files that do not fit their slots. */
  readonly memos: Uint8Array;
  /** {@link PARKED_SLOTS} of 8 bytes: the numbers of requests that were received and wait for something. */
  readonly parked: Uint8Array;
}

export const HANDLE_SLOTS = 65536;
export const SLOT_SIZE = 256;
export const MEMO_BLOCKS = 64;
export const MEMO_BLOCK_SIZE = 65536;
export const PARKED_SLOTS = 4096;

/** How long each part is, in bytes. */
export const SESSION_MEMORY_SIZES: Readonly<Record<keyof SessionMemory, number>> = {
  handles: HANDLE_SLOTS * SLOT_SIZE,
  memos: MEMO_BLOCKS * MEMO_BLOCK_SIZE,
  parked: PARKED_SLOTS * 8,
};

/** Memory that ends with this process. */
export function passingMemory(): SessionMemory {
  const { handles, memos, parked } = SESSION_MEMORY_SIZES;
  return { handles: new Uint8Array(handles), memos: new Uint8Array(memos), parked: new Uint8Array(parked) };
}
