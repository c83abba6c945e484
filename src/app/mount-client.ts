import { type FileHandle, lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { nodeErrno } from "./node-errno.ts";
import type { NodeStat, TreeClient, TreeFile, TreeFileMode } from "./tree-client.ts";

async function asErrno<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw nodeErrno(error);
  }
}

async function readFrom(file: FileHandle, offset: number, count: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(count), 0, count, offset);
  return buffer.subarray(0, bytesRead);
}

/** The tree through a mount, which another process serves. A read or write that waits there cannot be stopped. */
export class MountClient implements TreeClient {
  readonly #dir: string;

  /** `dir` is where it is mounted. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  stat(path: string): Promise<NodeStat> {
    return asErrno(async () => {
      const st = await lstat(join(this.#dir, path));
      const kind = st.isDirectory() ? "dir" : st.isSymbolicLink() ? "link" : "file";
      const { ino, nlink, uid, gid, size, mtimeMs } = st;
      return { kind, ino, mode: st.mode & 0o7777, nlink, uid, gid, size, timeMs: mtimeMs };
    });
  }

  list(path: string): Promise<readonly string[]> {
    return asErrno(() => readdir(join(this.#dir, path)));
  }

  readlink(path: string): Promise<string> {
    return asErrno(() => readlink(join(this.#dir, path), "latin1"));
  }

  async open(path: string, { read, write }: TreeFileMode): Promise<TreeFile> {
    // "w" truncates, which has no effect here.
    const file = await asErrno(() => open(join(this.#dir, path), write ? (read ? "r+" : "w") : "r"));
    return {
      read: (offset, count) => asErrno(() => readFrom(file, offset, count)),
      write: (data, offset = 0) => asErrno(async () => (await file.write(data, 0, data.length, offset)).bytesWritten),
      close: () => asErrno(() => file.close()),
    };
  }

  read(path: string, offset: number, count: number): Promise<Uint8Array> {
    return asErrno(async () => {
      const file = await open(join(this.#dir, path), "r");
      try {
        return await readFrom(file, offset, count);
      } finally {
        await file.close();
      }
    });
  }

  write(path: string, data: Uint8Array, _stop?: AbortSignal, offset = 0): Promise<number> {
    return asErrno(async () => {
      const file = await open(join(this.#dir, path), "r+").catch((error: NodeJS.ErrnoException) => {
        // Write-only nodes; "w" truncates, which has no effect here.
        if (error.code === "EACCES") return open(join(this.#dir, path), "w");
        throw error;
      });
      try {
        return (await file.write(data, 0, data.length, offset)).bytesWritten;
      } finally {
        await file.close();
      }
    });
  }

  async close(): Promise<void> {}
}
