import { open } from "node:fs/promises";
import { ERRNO, Errno, isErrno } from "../../core/base/errno.ts";
import { fromLatin1, latin1 } from "../../core/base/text.ts";
import { hexNumber, textOfHex } from "../../core/rsp/hex.ts";
import { nodeErrno } from "../node-errno.ts";
import type { ProcessFiles } from "./process-files.ts";

/** A file that a client has opened. */
export interface ServedFile {
  size(): Promise<number>;
  read(offset: number, count: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** How a client opens a file: its executable by the path it has where it runs, and others where that is this host. */
export type OpenServedFile = (path: string) => Promise<ServedFile>;

/** Files a client may have open at once. */
const MOST_OPEN = 64;
/** Bytes of one answer, before they are escaped. */
const MOST_READ = 32 * 1024;
/** Flags other than those of open(2), and no access but reading. */
const FILEIO_O_RDONLY = 0;
/** gdb's struct stat, big-endian: where the mode, the size and the block size are. */
const STAT = { length: 64, mode: 8, size: 28, blockSize: 36 } as const;
const REGULAR = 0o100444;

/** The numbers of gdb's File-I/O protocol are those of Linux as far as it knows them; any other is one that says nothing. */
const FILEIO_ERRORS: ReadonlySet<number> = new Set(
  [
    "EPERM",
    "ENOENT",
    "EINTR",
    "EBADF",
    "EACCES",
    "EFAULT",
    "EBUSY",
    "EEXIST",
    "ENODEV",
    "ENOTDIR",
    "EISDIR",
    "EINVAL",
    "ENFILE",
    "EMFILE",
    "EFBIG",
    "ENOSPC",
    "ESPIPE",
    "EROFS",
  ].map((name) => ERRNO[name as keyof typeof ERRNO]),
);
const FILEIO_UNKNOWN = 9999;

/** vFile: files for a client on another host, for reading. */
export class RemoteFiles {
  readonly #open: OpenServedFile;
  readonly #files = new Map<number, ServedFile>();

  constructor(open: OpenServedFile) {
    this.#open = open;
  }

  /** The answer: `F` and a number, an error's number behind -1, bytes behind a semicolon. Undefined for what is not known. */
  async answer(operation: string, args: readonly string[]): Promise<string | undefined> {
    try {
      return await this.#perform(operation, args);
    } catch (error) {
      if (!isErrno(error)) throw error;
      const number = FILEIO_ERRORS.has(error.errno) ? error.errno : FILEIO_UNKNOWN;
      return `F-1,${number.toString(16)}`;
    }
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const file of files) await file.close();
  }

  async #perform(operation: string, args: readonly string[]): Promise<string | undefined> {
    switch (operation) {
      case "setfs":
        return "F0";
      case "open":
        return `F${(await this.#opened(args)).toString(16)}`;
      case "close": {
        const [number, file] = this.#named(args[0]);
        this.#files.delete(number);
        await file.close();
        return "F0";
      }
      case "pread": {
        const [, file] = this.#named(args[0]);
        const count = Math.min(hexNumber(args[1] ?? ""), MOST_READ);
        const bytes = await file.read(hexNumber(args[2] ?? ""), count);
        return `F${bytes.length.toString(16)};${fromLatin1(bytes)}`;
      }
      case "fstat":
        return `F${STAT.length.toString(16)};${statText(await this.#named(args[0])[1].size())}`;
      default:
        return undefined;
    }
  }

  async #opened([name = "", flags = ""]: readonly string[]): Promise<number> {
    if (hexNumber(flags) !== FILEIO_O_RDONLY) throw new Errno("EROFS", "files are for reading here");
    if (this.#files.size >= MOST_OPEN) throw new Errno("EMFILE", `${MOST_OPEN} files are open`);
    const file = await this.#open(textOfHex(name));
    let number = 0;
    while (this.#files.has(number)) number++;
    this.#files.set(number, file);
    return number;
  }

  #named(text = ""): readonly [number, ServedFile] {
    const number = hexNumber(text);
    const file = this.#files.get(number);
    if (!file) throw new Errno("EBADF", `there is no file ${number}`);
    return [number, file];
  }
}

function statText(size: number): string {
  const bytes = new Uint8Array(STAT.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(STAT.mode, REGULAR);
  view.setBigUint64(STAT.size, BigInt(size));
  view.setBigUint64(STAT.blockSize, 4096n);
  return fromLatin1(bytes);
}

/** A file of this host, with this user's rights. */
export async function openHostFile(path: string): Promise<ServedFile> {
  try {
    const file = await open(latin1Path(path), "r");
    return {
      size: async () => (await file.stat()).size,
      read: async (offset, count) => {
        const { buffer, bytesRead } = await file.read(new Uint8Array(count), 0, count, offset);
        return buffer.subarray(0, bytesRead);
      },
      close: () => file.close(),
    };
  } catch (error) {
    throw nodeErrno(error);
  }
}

/** A path is bytes. */
const latin1Path = (path: string): Buffer => Buffer.from(latin1(path));

const MOST_BITS = 40;

/** The executable itself, as its process's `file` has it; how long it is is found out by reading. */
export function openExecutable(files: ProcessFiles): ServedFile {
  const read = (offset: number, count: number): Promise<Uint8Array> =>
    files.read("file", offset, count, { read: true, write: false });
  const size = async (): Promise<number> => {
    let end = 0;
    for (let bit = MOST_BITS; bit >= 0; bit--) {
      const at = end + 2 ** bit;
      if ((await read(at - 1, 1)).length === 1) end = at;
    }
    return end;
  };
  return { size, read, close: async () => {} };
}
