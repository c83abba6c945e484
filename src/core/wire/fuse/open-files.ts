import { Errno } from "../../base/errno.ts";
import type { DirEntry, Handle } from "../../vfs/node.ts";

export type OpenFile =
  | { readonly kind: "file"; readonly handle: Handle }
  | { readonly kind: "dir"; readonly entries: readonly DirEntry[] };

/** Open files and directories by the number the kernel passes back. */
export class OpenFiles {
  readonly #open = new Map<number, OpenFile>();
  #next = 1;

  get size(): number {
    return this.#open.size;
  }

  add(file: OpenFile): number {
    const fh = this.#next++;
    this.#open.set(fh, file);
    return fh;
  }

  /** EBADF for what is not an open file. */
  handle(fh: number): Handle {
    const file = this.#open.get(fh);
    if (file?.kind !== "file") throw new Errno("EBADF", `no open file ${fh}`);
    return file.handle;
  }

  /** EBADF for what is not an open directory. */
  entries(fh: number): readonly DirEntry[] {
    const file = this.#open.get(fh);
    if (file?.kind !== "dir") throw new Errno("EBADF", `no open directory ${fh}`);
    return file.entries;
  }

  close(fh: number): void {
    const file = this.#open.get(fh);
    this.#open.delete(fh);
    if (file?.kind === "file") file.handle.close?.();
  }

  closeAll(): void {
    for (const fh of [...this.#open.keys()]) this.close(fh);
  }
}
