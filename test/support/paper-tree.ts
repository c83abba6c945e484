import type { NodeStat, TreeClient, TreeFile } from "../../src/app/tree-client.ts";
import { Errno } from "../../src/core/base/errno.ts";
import { fromUtf8, latin1 } from "../../src/core/base/text.ts";

/** The tree of one process on paper: files as bytes, words as they were written, events as a test lets them happen. */
export class PaperTree implements TreeClient {
  /** By path. */
  readonly files = new Map<string, Uint8Array>();
  readonly links = new Map<string, string>();
  readonly dirs = new Map<string, readonly string[]>();
  /** What was written to ctl and note, each write as a whole. */
  readonly said: string[] = [];
  /** What a word does. Throws Errno. */
  onWord: (word: string) => void = () => {};
  #news = "";
  #number = 0;
  #ended = false;
  readonly #waiting = new Set<() => void>();

  text(path: string, text: string): void {
    this.files.set(path, latin1(text));
  }

  /** A line of `events`. */
  happens(line: string): void {
    this.#news += `${++this.#number} 1795469025.000000 ${line}\n`;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Nothing happens any more. */
  end(): void {
    this.#ended = true;
    for (const wake of [...this.#waiting]) wake();
  }

  async stat(path: string): Promise<NodeStat> {
    const kind = this.links.has(path) ? "link" : this.dirs.has(path) ? "dir" : "file";
    if (kind === "file") this.#bytes(path);
    return { kind, ino: 1, mode: 0o600, nlink: 1, uid: 0, gid: 0, size: 0, timeMs: 0 };
  }

  async list(path: string): Promise<readonly string[]> {
    const names = this.dirs.get(path.replace(/\/$/, ""));
    if (!names) throw new Errno("ENOENT", path);
    return names;
  }

  async readlink(path: string): Promise<string> {
    const target = this.links.get(path);
    if (target === undefined) throw new Errno("EINVAL", path);
    return target;
  }

  async open(path: string): Promise<TreeFile> {
    if (path.endsWith("/events"))
      return {
        read: (_offset, _count, stop) => this.#event(stop),
        write: () => this.#refuse(path),
        close: async () => {},
      };
    if (!path.endsWith("/ctl")) this.#bytes(path);
    return {
      read: (offset, count) => this.read(path, offset, count),
      write: (data, offset = 0) => this.write(path, data, undefined, offset),
      close: async () => {},
    };
  }

  async read(path: string, offset: number, count: number): Promise<Uint8Array> {
    const bytes = this.#bytes(path);
    if (path.endsWith("/mem") && offset >= bytes.length) throw new Errno("EFAULT", `no memory at ${offset}`);
    return bytes.slice(offset, offset + count);
  }

  async write(path: string, data: Uint8Array, _stop?: AbortSignal, offset = 0): Promise<number> {
    if (path.endsWith("/ctl") || path.endsWith("/note")) {
      const text = fromUtf8(data);
      this.said.push(text);
      for (const word of text.split("\n")) this.onWord(word);
      return data.length;
    }
    const bytes = this.#bytes(path);
    if (offset + data.length > bytes.length) throw new Errno("EFAULT", `no memory at ${offset}`);
    bytes.set(data, offset);
    return data.length;
  }

  async close(): Promise<void> {}

  #bytes(path: string): Uint8Array {
    const bytes = this.files.get(path);
    if (!bytes) throw new Errno("ENOENT", path);
    return bytes;
  }

  #refuse(path: string): Promise<number> {
    return Promise.reject(new Errno("EACCES", path));
  }

  #event(stop: AbortSignal | undefined): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#news === "" && !this.#ended && !stop?.aborted) return;
        this.#waiting.delete(look);
        if (stop?.aborted) reject(new Errno("EINTR", "interrupted"));
        else resolve(latin1(this.#news));
        this.#news = "";
      };
      this.#waiting.add(look);
      stop?.addEventListener("abort", look, { once: true });
      look();
    });
  }
}
