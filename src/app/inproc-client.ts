import { Errno } from "../core/base/errno.ts";
import type { Caller } from "../core/vfs/caller.ts";
import type { FileNode, FileSystem, Handle, Node, OpenMode } from "../core/vfs/node.ts";
import { type Outcome, Parked } from "../core/vfs/parked.ts";
import { walk } from "../core/vfs/walk.ts";
import { keepAlive } from "./keep-alive.ts";
import type { NodeStat, TreeClient, TreeFile, TreeFileMode } from "./tree-client.ts";

/** An outcome as a promise; `stop` interrupts it. This process does not end before it: the end of `wait` comes by SIGCHLD. */
function settle<T>(outcome: Outcome<T>, stop: AbortSignal | undefined): Promise<T> {
  if (!(outcome instanceof Parked)) return Promise.resolve(outcome);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => outcome.interrupt();
    stop?.addEventListener("abort", onAbort, { once: true });
    const release = keepAlive();
    const finish = (): void => {
      release();
      stop?.removeEventListener("abort", onAbort);
    };
    outcome.listen({
      settled: (value) => {
        finish();
        resolve(value);
      },
      failed: (error) => {
        finish();
        reject(error);
      },
    });
    if (stop?.aborted) outcome.interrupt();
  });
}

/** The tree in this very process, with no transport between. */
export class InprocClient implements TreeClient {
  readonly #fs: FileSystem;
  readonly #caller: Caller;
  readonly #close: () => Promise<void>;
  readonly #holdsControl: () => boolean;

  constructor(
    fs: FileSystem,
    caller: Caller,
    close: () => Promise<void> = async () => {},
    holdsControl: () => boolean = () => false,
  ) {
    this.#fs = fs;
    this.#caller = caller;
    this.#close = close;
    this.#holdsControl = holdsControl;
  }

  get holdsControl(): boolean {
    return this.#holdsControl();
  }

  async stat(path: string): Promise<NodeStat> {
    const node = this.#walk(path);
    return { kind: node.kind, ...node.stat(this.#caller) };
  }

  async list(path: string): Promise<readonly string[]> {
    const node = this.#walk(path);
    if (node.kind !== "dir") throw new Errno("ENOTDIR", `${path} is not a directory`);
    return node.list(this.#caller).map((entry) => entry.name);
  }

  async readlink(path: string): Promise<string> {
    const node = this.#walk(path);
    if (node.kind !== "link") throw new Errno("EINVAL", `${path} is not a symbolic link`);
    return settle(node.readlink(this.#caller), undefined);
  }

  async open(path: string, mode: TreeFileMode): Promise<TreeFile> {
    const handle = await settle(this.#file(path).open(this.#caller, { ...mode, exclusive: false }), undefined);
    return {
      read: (offset, count, stop) => this.#read(path, handle, { offset, count }, stop),
      write: (data, offset = 0, stop) => this.#write(path, handle, { offset, data }, stop),
      close: async () => handle.close?.(),
    };
  }

  read(path: string, offset: number, count: number, stop?: AbortSignal): Promise<Uint8Array> {
    return this.#withOpen(path, { read: true, write: false, exclusive: false }, stop, (handle) =>
      this.#read(path, handle, { offset, count }, stop),
    );
  }

  write(path: string, data: Uint8Array, stop?: AbortSignal, offset = 0): Promise<number> {
    return this.#withOpen(path, { read: false, write: true, exclusive: false }, stop, (handle) =>
      this.#write(path, handle, { offset, data }, stop),
    );
  }

  async #read(
    path: string,
    handle: Handle,
    { offset, count }: { readonly offset: number; readonly count: number },
    stop: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    if (!handle.read) throw new Errno("EOPNOTSUPP", `${path} is not for reading`);
    const into = new Uint8Array(count);
    return into.subarray(0, await settle(handle.read(this.#caller, offset, into), stop));
  }

  async #write(
    path: string,
    handle: Handle,
    { offset, data }: { readonly offset: number; readonly data: Uint8Array },
    stop: AbortSignal | undefined,
  ): Promise<number> {
    if (!handle.write) throw new Errno("EOPNOTSUPP", `${path} is not for writing`);
    return await settle(handle.write(this.#caller, offset, data), stop);
  }

  close(): Promise<void> {
    return this.#close();
  }

  #walk(path: string): Node {
    return walk(this.#fs.root, path, this.#caller);
  }

  async #withOpen<T>(
    path: string,
    mode: OpenMode,
    stop: AbortSignal | undefined,
    act: (handle: Handle) => Promise<T>,
  ): Promise<T> {
    const handle = await settle(this.#file(path).open(this.#caller, mode), stop);
    try {
      return await act(handle);
    } finally {
      handle.close?.();
    }
  }

  #file(path: string): FileNode {
    const node = this.#walk(path);
    if (node.kind === "file") return node;
    if (node.kind === "dir") throw new Errno("EISDIR", `${path} is a directory`);
    throw new Errno("ELOOP", `${path} is a symbolic link`);
  }
}
