import {
  AT_EMPTY_PATH,
  FILE_HANDLE_BYTES,
  FILE_HANDLE_OPAQUE,
  FILE_HANDLE_TYPE,
  MAX_HANDLE_SZ,
  MFD_CLOEXEC,
  O_CLOEXEC,
  O_RDWR,
} from "../../../core/abi/fcntl.ts";
import { Errno, errnoName } from "../../../core/base/errno.ts";
import { check } from "../ffi/call.ts";
import {
  errnoNow,
  libcClose,
  libcFtruncate,
  libcMemfdCreate,
  libcNameToHandleAt,
  libcOpenByHandleAt,
} from "../ffi/libc.ts";

/**
 * What finds a file without a name again: the type and the bytes of its file handle. All memory files are of one mount of the
 * kernel's own, so that any other of them stands for it.
 */
export type FileHandle = Uint8Array;

/** A new memory file of `bytes` bytes; it takes no memory before it is written to. Returns its descriptor. */
export function createMemoryFile(name: string, bytes: number): number {
  const fd = check(libcMemfdCreate(name, MFD_CLOEXEC), "creating a file in memory");
  try {
    setFileSize(fd, bytes);
    return fd;
  } catch (error) {
    libcClose(fd);
    throw error;
  }
}

export function setFileSize(fd: number, bytes: number): void {
  check(libcFtruncate(fd, bytes), `a file in memory of ${bytes} bytes`);
}

export function handleOf(fd: number): FileHandle {
  const handle = Buffer.alloc(FILE_HANDLE_OPAQUE + MAX_HANDLE_SZ);
  handle.writeUInt32LE(MAX_HANDLE_SZ, FILE_HANDLE_BYTES);
  const what = "a handle of a file in memory, by which it is found again";
  check(libcNameToHandleAt(fd, "", handle, Buffer.alloc(8), AT_EMPTY_PATH), what);
  const length = handle.readUInt32LE(FILE_HANDLE_BYTES);
  const type = handle.readInt32LE(FILE_HANDLE_TYPE);
  return Buffer.concat([Buffer.of(type), handle.subarray(FILE_HANDLE_OPAQUE, FILE_HANDLE_OPAQUE + length)]);
}

/** A descriptor of the file that {@link handleOf} was asked about, which may have none left. `what` needs it. */
export function reopenMemoryFile(file: FileHandle, what: string): number {
  const handle = Buffer.alloc(FILE_HANDLE_OPAQUE + MAX_HANDLE_SZ);
  handle.writeUInt32LE(file.length - 1, FILE_HANDLE_BYTES);
  handle.writeInt32LE(file[0]!, FILE_HANDLE_TYPE);
  handle.set(file.subarray(1), FILE_HANDLE_OPAQUE);
  const neighbour = createMemoryFile("lyonnais", 0);
  try {
    const fd = libcOpenByHandleAt(neighbour, handle, O_RDWR | O_CLOEXEC);
    if (fd >= 0) return fd;
    const hint = "the kernel opens no file by its handle for us (CAP_DAC_READ_SEARCH): make another disk of that size";
    throw new Errno(errnoName(errnoNow()), `${what}: ${hint}`);
  } finally {
    libcClose(neighbour);
  }
}
