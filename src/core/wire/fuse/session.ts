import { ERRNO, Errno } from "../../base/errno.ts";
import type { FileSystem } from "../../vfs/node.ts";
import { Parked } from "../../vfs/parked.ts";
import { NodeIds } from "./node-ids.ts";
import { OpenFiles } from "./open-files.ts";
import { FUSE_OPS, type FuseOp, type FuseState, SILENT } from "./ops.ts";
import { FuseReply } from "./reply.ts";
import { FuseRequest } from "./request.ts";

const OPS = new Map<number, FuseOp>(FUSE_OPS.map((op) => [op.opcode, op]));

export interface FuseSessionOptions {
  readonly fs: FileSystem;
  /** The inode number of the root, for its `..`. */
  readonly rootIno: number;
  /** Sends one reply; the bytes are valid during the call. */
  reply(bytes: Uint8Array): void;
  /** The kernel has introduced itself, with its minor version. */
  onInit?(minor: number): void;
  /** Told of an exception that is no Errno: a bug. The request is answered EIO. */
  onBug(error: unknown, op: string): void;
}

/** A file system behind the FUSE protocol: requests as bytes in, replies as bytes out, in the same call or later. */
export class FuseSession {
  readonly #options: FuseSessionOptions;
  readonly #nodes: NodeIds;
  readonly #files = new OpenFiles();
  readonly #parked = new Map<number, Parked<number>>();
  readonly #state: FuseState;
  #small = new FuseReply(false);
  #bulk = new FuseReply(true);

  constructor(options: FuseSessionOptions) {
    this.#options = options;
    this.#nodes = new NodeIds(options.fs.root, options.rootIno);
    this.#state = {
      fs: options.fs,
      nodes: this.#nodes,
      files: this.#files,
      interrupt: (unique) => this.#parked.get(unique)?.interrupt(),
      initialized: (minor) => options.onInit?.(minor),
    };
  }

  /** Some request is not answered yet. */
  get waits(): boolean {
    return this.#parked.size > 0;
  }

  /** What is held on behalf of the kernel: for tests of leaks. */
  get held(): { readonly nodes: number; readonly files: number; readonly parked: number } {
    return { nodes: this.#nodes.size, files: this.#files.size, parked: this.#parked.size };
  }

  /** Serves the request in the first `length` of `bytes`. EINVAL when it is no message: there is nobody to answer. */
  request(bytes: Uint8Array, length: number): void {
    const request = new FuseRequest(bytes, length);
    const { unique } = request;
    const op = OPS.get(request.opcode);
    const name = op?.name ?? `opcode ${request.opcode}`;
    const reply = op?.bulk ? this.#bulk : this.#small;
    try {
      if (!op) throw new Errno("ENOSYS", name);
      if (request.bodyLength < op.minBody) throw new Errno("EINVAL", `${name} too short`);
      const outcome = op.handle(this.#state, request, reply);
      if (outcome instanceof Parked) this.#park(unique, name, outcome, reply);
      else if (outcome !== SILENT) this.#options.reply(reply.finish(unique, 0, outcome));
    } catch (error) {
      this.#fail(unique, name, error);
    }
  }

  /** Ends what waits with EINTR and closes what is open: the mount is gone. */
  close(): void {
    for (const parked of [...this.#parked.values()]) parked.interrupt();
    this.#files.closeAll();
  }

  #park(unique: number, name: string, parked: Parked<number>, reply: FuseReply): void {
    // The operation fills this reply later on; everybody else gets a new one.
    if (reply === this.#bulk) this.#bulk = new FuseReply(true);
    else this.#small = new FuseReply(false);
    this.#parked.set(unique, parked);
    parked.listen({
      settled: (length) => {
        this.#parked.delete(unique);
        this.#options.reply(reply.finish(unique, 0, length));
      },
      failed: (error) => {
        this.#parked.delete(unique);
        this.#fail(unique, name, error);
      },
    });
  }

  #fail(unique: number, name: string, error: unknown): void {
    if (!(error instanceof Errno)) this.#options.onBug(error, name);
    const errno = error instanceof Errno ? error.errno : ERRNO.EIO;
    this.#options.reply(this.#small.finish(unique, errno, 0));
  }
}
