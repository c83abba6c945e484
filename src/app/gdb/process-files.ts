import { Errno, isErrno } from "../../core/base/errno.ts";
import { fromLatin1, latin1, utf8 } from "../../core/base/text.ts";
import { type NodeStat, readAll, type TreeClient, type TreeFile, type TreeFileMode } from "../tree-client.ts";

/** Files that are kept open at most: each thread has two. */
const MOST_KEPT = 64;

const BOTH: TreeFileMode = { read: true, write: true };

/** The directory of one process, for a debugger: what it asks again and again is kept open. Errors are the tree's. */
export class ProcessFiles {
  readonly pid: number;
  readonly #client: TreeClient;
  readonly #dir: string;
  /** The one that was used last is the last. */
  readonly #kept = new Map<string, Promise<TreeFile>>();

  /** `dir` is the path of the process's directory in the tree. */
  constructor(client: TreeClient, dir: string, pid: number) {
    this.#client = client;
    this.#dir = dir;
    this.pid = pid;
  }

  /** Bytes of `mem`, `regs` or `fpregs` of the process or of a thread, or of `file`. */
  async read(name: string, offset: number, count: number, mode: TreeFileMode = BOTH): Promise<Uint8Array> {
    return await this.#with(name, mode, (file) => file.read(offset, count));
  }

  /** All of `data`. EFAULT where only a part of it was taken. */
  async write(name: string, offset: number, data: Uint8Array): Promise<void> {
    const count = await this.#with(name, BOTH, (file) => file.write(data, offset));
    if (count < data.length)
      throw new Errno("EFAULT", `${count} of ${data.length} bytes were written at 0x${offset.toString(16)}`);
  }

  /** Words to `ctl`, in order. */
  async tell(...words: readonly string[]): Promise<void> {
    await this.#with("ctl", { read: false, write: true }, (file) => file.write(utf8(words.join("\n"))));
  }

  /** The whole of a text as it is now; one character a byte. */
  async text(name: string): Promise<string> {
    let text = "";
    await readAll(this.#client, `${this.#dir}/${name}`, (bytes) => {
      text += fromLatin1(bytes);
    });
    return text;
  }

  async post(signal: string): Promise<void> {
    await this.#client.write(`${this.#dir}/note`, latin1(signal));
  }

  list(name: string): Promise<readonly string[]> {
    return this.#client.list(`${this.#dir}/${name}`);
  }

  stat(name: string): Promise<NodeStat> {
    return this.#client.stat(`${this.#dir}/${name}`);
  }

  link(name: string): Promise<string> {
    return this.#client.readlink(`${this.#dir}/${name}`);
  }

  /** What happens from now on, to be closed by who asks. */
  events(): Promise<TreeFile> {
    return this.#client.open(`${this.#dir}/events`, { read: true, write: false });
  }

  /** Closes what is kept: the process executes another program, or is let go. */
  async forget(): Promise<void> {
    const kept = [...this.#kept.values()];
    this.#kept.clear();
    await Promise.all(kept.map(close));
  }

  async #with<T>(name: string, mode: TreeFileMode, act: (file: TreeFile) => Promise<T>): Promise<T> {
    const kept = this.#kept.get(name);
    const opened = kept ?? this.#client.open(`${this.#dir}/${name}`, mode);
    if (kept) this.#kept.delete(name);
    this.#kept.set(name, opened);
    if (this.#kept.size > MOST_KEPT) {
      const [oldest, file] = this.#kept.entries().next().value!;
      this.#kept.delete(oldest);
      void close(file);
    }
    try {
      return await act(await opened);
    } catch (error) {
      // What a thread or a program had is of no use behind its end; what could not be opened is tried again.
      if (!isErrno(error, "EFAULT", "EBUSY") && this.#kept.get(name) === opened) {
        this.#kept.delete(name);
        void close(opened);
      }
      throw error;
    }
  }
}

async function close(file: Promise<TreeFile>): Promise<void> {
  try {
    await (await file).close();
  } catch (error) {
    // It was never open, or the tree has gone.
    if (!isErrno(error)) throw error;
  }
}
