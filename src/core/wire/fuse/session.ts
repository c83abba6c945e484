import { FUSE_WRITE, IN_HEADER_SIZE } from "../../abi/fuse.ts";
import { Bug, ERRNO, Errno, toErrno } from "../../base/errno.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { FileSystem } from "../../vfs/node.ts";
import { Parked } from "../../vfs/parked.ts";
import type { Turn, Turns } from "../../vfs/turns.ts";
import { claimWait } from "../claim-wait.ts";
import { OpenFiles } from "./open-files.ts";
import { type Agreement, FUSE_OPS, type FuseOp, type FuseState, SILENT } from "./ops.ts";
import { ParkedRecords } from "./parked-records.ts";
import { FuseReply } from "./reply.ts";
import { FuseRequest } from "./request.ts";
import { passingMemory, type SessionMemory } from "./session-memory.ts";

const OPS = new Map<number, FuseOp>(FUSE_OPS.map((op) => [op.opcode, op]));

export interface FuseSessionOptions {
  readonly fs: FileSystem;
  /** What a server before this one has left, or empty for one after it; of this process alone without it. */
  readonly memory?: SessionMemory;
  /** Whose request is served next; without it each is served as it comes. */
  readonly turns?: Turns;
  /** Sends one reply; the bytes are valid during the call. */
  reply(bytes: Uint8Array): void;
  /** The kernel has introduced itself. */
  onInit?(agreement: Agreement): void;
  /** Told of an exception that is no Errno: a bug. The request is answered EIO. */
  onBug(error: unknown, op: string): void;
}

function nameOf(request: FuseRequest, op: FuseOp | undefined): string {
  return op?.name ?? `opcode ${request.opcode}`;
}

/** A request that waits for its turn. */
interface Queued {
  readonly turn: Turn;
  /** Gives back what it held of its caller's quotas. */
  readonly release: () => void;
  /** Its caller has been sent a signal: should it have to wait for something when it is served, it does not. */
  isInterrupted: boolean;
}

/** A request that is answered later. */
interface Waiting {
  readonly unique: number;
  readonly isResent: boolean;
  readonly name: string;
  readonly caller: Caller;
}

/** A file system behind the FUSE protocol: requests as bytes in, replies as bytes out, in the same call or later. */
export class FuseSession {
  readonly #options: FuseSessionOptions;
  readonly #files: OpenFiles;
  readonly #parkedRecords: ParkedRecords;
  readonly #parked = new Map<number, Parked<number>>();
  readonly #queued = new Map<number, Queued>();
  readonly #state: FuseState;
  #small = new FuseReply(false);
  #bulk = new FuseReply(true);

  constructor(options: FuseSessionOptions) {
    this.#options = options;
    const memory = options.memory ?? passingMemory();
    this.#files = new OpenFiles(options.fs, memory);
    this.#parkedRecords = new ParkedRecords(memory.parked);
    this.#state = {
      fs: options.fs,
      files: this.#files,
      interrupt: (unique) => this.#interrupt(unique),
      wake: (kh) => options.reply(this.#small.pollNotice(kh)),
      initialized: (agreement) => options.onInit?.(agreement),
    };
  }

  /** Some request is not answered yet. */
  get waits(): boolean {
    return this.#parked.size > 0 || this.#queued.size > 0;
  }

  /** What is held on behalf of the kernel: for tests of leaks. */
  get held(): { readonly files: number; readonly parked: number } {
    return { files: this.#files.size, parked: this.#parked.size + this.#queued.size };
  }

  /**
   * Takes the place of a server that has died. Where the kernel does not send again what that one had received and not answered,
   * it is ended: `request`, the last one, is served unless it is a write; who waits gets EIO.
   */
  resume(resends: boolean, request?: Uint8Array): void {
    this.#files.resumeExclusive();
    // Who waits in poll(2) asks again, and this server knows of him then.
    for (const kh of this.#files.polled()) this.#options.reply(this.#small.pollNotice(kh));
    if (resends) return;
    for (const unique of this.#parkedRecords.found) {
      this.#options.reply(this.#small.finish(unique, false, ERRNO.EIO, 0));
    }
    if (!request || request.length < IN_HEADER_SIZE) return;
    const { unique, opcode } = new FuseRequest(request, request.length);
    if (opcode === FUSE_WRITE) this.#options.reply(this.#small.finish(unique, false, ERRNO.EIO, 0));
    else this.request(request, request.length);
  }

  /** Serves the request in the first `length` of `bytes`. EINVAL when it is no message: there is nobody to answer. */
  request(bytes: Uint8Array, length: number): void {
    const request = new FuseRequest(bytes, length);
    const op = OPS.get(request.opcode);
    const { turns } = this.#options;
    if (!turns || op?.outOfTurn) this.#serve(request, op);
    else if (turns.admits(request.uid)) turns.spend(request.uid, () => this.#serve(request, op));
    else this.#queue(turns, request, op);
  }

  /** Ends what waits, with EINTR where it was begun, and closes what is open: the mount is gone. */
  close(): void {
    for (const { turn, release } of this.#queued.values()) {
      turn.cancel();
      release();
    }
    this.#queued.clear();
    for (const parked of [...this.#parked.values()]) parked.interrupt();
    this.#files.closeAll();
  }

  /** The request is served when it is the caller's turn; EAGAIN where too much of his waits for that already. */
  #queue(turns: Turns, request: FuseRequest, op: FuseOp | undefined): void {
    const { unique, uid, isResent, caller } = request;
    let release: () => void;
    try {
      release = this.#options.fs.claims?.queued(caller, request.length) ?? (() => {});
    } catch (error) {
      // It takes time all the same.
      turns.spend(uid, () => this.#fail(unique, isResent, nameOf(request, op), error));
      return;
    }
    this.#wait(turns, request.copy(), op, release);
  }

  /** Until it is the caller's turn. `request` is held. */
  #wait(turns: Turns, request: FuseRequest, op: FuseOp | undefined, release: () => void): void {
    const { unique, uid } = request;
    const slot = this.#parkedRecords.add(unique);
    const turn = turns.wait(uid, request.length, () => {
      const { isInterrupted } = this.#queued.get(unique)!;
      this.#queued.delete(unique);
      release();
      turns.spend(uid, () => this.#serve(request, op));
      if (isInterrupted) this.#parked.get(unique)?.interrupt();
      // Not before: a server that comes after us has to know of it until it is answered, or parked for another reason.
      this.#parkedRecords.remove(slot);
    });
    this.#queued.set(unique, { turn, release, isInterrupted: false });
  }

  /** What has to wait ends with EINTR. What only waits for its turn does not: programs do not expect that of a file. */
  #interrupt(unique: number): void {
    const queued = this.#queued.get(unique);
    if (queued) queued.isInterrupted = true;
    else this.#parked.get(unique)?.interrupt();
  }

  #serve(request: FuseRequest, op: FuseOp | undefined): void {
    const { unique, isResent, caller } = request;
    const name = nameOf(request, op);
    const reply = op?.bulk ? this.#bulk : this.#small;
    try {
      if (!op) throw new Errno("ENOSYS", name);
      if (request.bodyLength < op.minBody) throw new Errno("EINVAL", `${name} too short`);
      const outcome = op.handle(this.#state, request, reply);
      if (outcome instanceof Parked) this.#park({ unique, isResent, name, caller }, outcome, reply);
      else if (outcome !== SILENT) this.#options.reply(reply.finish(unique, isResent, 0, outcome));
    } catch (error) {
      this.#fail(unique, isResent, name, error);
    }
  }

  /** EAGAIN where the caller has too many that wait. */
  #park({ unique, isResent, name, caller }: Waiting, parked: Parked<number>, reply: FuseReply): void {
    const release = claimWait(this.#options.fs, caller, parked);
    // The operation fills this reply later on; everybody else gets a new one.
    if (reply === this.#bulk) this.#bulk = new FuseReply(true);
    else this.#small = new FuseReply(false);
    this.#parked.set(unique, parked);
    const slot = this.#parkedRecords.add(unique);
    parked.listen({
      settled: (length) => {
        release();
        this.#parked.delete(unique);
        this.#options.reply(reply.finish(unique, isResent, 0, length));
        this.#parkedRecords.remove(slot);
      },
      failed: (error) => {
        release();
        this.#parked.delete(unique);
        this.#fail(unique, isResent, name, error);
        this.#parkedRecords.remove(slot);
      },
    });
  }

  #fail(unique: number, isResent: boolean, name: string, error: unknown): void {
    const told = toErrno(error);
    if (told instanceof Bug) this.#options.onBug(told.cause, name);
    this.#options.reply(this.#small.finish(unique, isResent, told.errno, 0));
  }
}
