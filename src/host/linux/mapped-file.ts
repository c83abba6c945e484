import { lastErrno } from "./ffi/call.ts";
import { libcMmap, libcMunmap, type Pointer, pointerTo, viewOf } from "./ffi/libc.ts";

/** sys/mman.h. */
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED: Pointer = 2n ** 64n - 1n;

/**
 * The first `length` bytes of a file as memory that is the file: what is stored there outlives this process. The file has to be
 * so long, and to have its blocks: SIGBUS else. ENOMEM, ENODEV.
 */
export function mapFile(fd: number, length: number, what: string): Buffer {
  const at = libcMmap(null, length, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  if (at === MAP_FAILED) throw lastErrno(what);
  return viewOf(at, length);
}

/** Unmaps the memory of {@link mapFile}: no view of it may be used any more. */
export function unmapFile(memory: Buffer): void {
  libcMunmap(pointerTo(memory), memory.length);
}
