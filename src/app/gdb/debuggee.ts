import { Errno } from "../../core/base/errno.ts";
import type { TreeClient } from "../tree-client.ts";
import { executablePath } from "./executable.ts";
import { Inferior } from "./inferior.ts";
import { ProcessFiles } from "./process-files.ts";
import { openExecutable, openHostFile, type ServedFile } from "./remote-files.ts";

/** What a session can debug: processes of one tree. */
export class Debuggee {
  readonly #tree: TreeClient;
  readonly #isHere: boolean;
  readonly #directory: (pid: number) => string;

  /** `isHere`: the processes are this host's, and so are the files whose paths they say. `directory` is the path of a process in the tree. */
  constructor(tree: TreeClient, isHere: boolean, directory: (pid: number) => string = String) {
    this.#tree = tree;
    this.#isHere = isHere;
    this.#directory = directory;
  }

  /** Takes control of it. Errors: {@link Inferior.attach}. */
  attach(pid: number, given?: AbortSignal): Promise<Inferior> {
    return Inferior.attach(new ProcessFiles(this.#tree, this.#directory(pid), pid), given);
  }

  /** A file by the path that it has where the process runs. Of another host there is only the executable: ENOENT. */
  async openFile(path: string, inferior: Inferior | undefined): Promise<ServedFile> {
    if (this.#isHere) return openHostFile(path);
    if (inferior && path === (await executablePath(inferior.files))) return openExecutable(inferior.files);
    throw new Errno("ENOENT", `${path} is not in the tree; set sysroot to a folder that has it`);
  }
}
