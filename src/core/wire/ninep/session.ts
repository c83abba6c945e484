import { IOHDRSZ, MAX_MSIZE, MIN_MSIZE, NOTAG, VERSION_9P2000_L } from "../../abi/ninep.ts";
import { Bug, Errno, toErrno } from "../../base/errno.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { FileSystem } from "../../vfs/node.ts";
import { Parked } from "../../vfs/parked.ts";
import { claimWait } from "../claim-wait.ts";
import { decodeMessage, encodeMessage, frameTag } from "./codec.ts";
import { Fids, Qids } from "./fids.ts";
import { HANDLERS, type NinepState } from "./handlers.ts";
import type { Body, Message, MessageName } from "./messages.ts";

export interface NinepSessionOptions {
  /** The file system for an attach to `aname`. Throws Errno to refuse it. */
  attach(aname: string): FileSystem;
  /** Who is at the other end: told by the transport, whatever the messages claim. */
  readonly caller: Caller;
  /** Sends one message; the bytes are the receiver's. */
  reply(frame: Uint8Array): void;
  /** The largest message was agreed on. */
  onMsize?(msize: number): void;
  /** Told of an exception that is no Errno: a bug. The request is answered EIO. */
  onBug(error: unknown, what: string): void;
}

/** Requests of one connection that may wait at once. */
const MOST_PARKED = 1024;
/** Bytes that reads which wait may set aside between them. */
const MOST_WAITING_BYTES = 16 * 1024 * 1024;

interface Pending {
  readonly parked: Parked<object>;
  readonly fid: number | undefined;
  /** Flushed: nothing is to be said about it any more. */
  silent: boolean;
}

/** A server's side of one 9P2000.L connection: messages in, messages out, in the same call or later. */
export class NinepSession {
  readonly #options: NinepSessionOptions;
  readonly #fids = new Fids();
  readonly #qids = new Qids();
  readonly #pending = new Map<number, Pending>();
  readonly #state: NinepState;
  #msize = 0;
  #fs: FileSystem | undefined;
  /** Bytes set aside for reads that wait. */
  #waitingBytes = 0;

  constructor(options: NinepSessionOptions) {
    this.#options = options;
    const session = this;
    this.#state = {
      caller: options.caller,
      fids: this.#fids,
      qids: this.#qids,
      get msize() {
        return session.#msize;
      },
      get fs() {
        if (!session.#fs) throw new Errno("EBADF", "nothing is attached");
        return session.#fs;
      },
      attach: (aname) => {
        this.#fs = options.attach(aname);
        return this.#fs;
      },
      interruptFid: (fid) => {
        for (const pending of [...this.#pending.values()]) if (pending.fid === fid) pending.parked.interrupt();
      },
    };
  }

  /** What is held for the client: for tests of leaks. */
  get held(): { readonly fids: number; readonly pending: number } {
    return { fids: this.#fids.size, pending: this.#pending.size };
  }

  /** Whether a version has been agreed on. */
  get open(): boolean {
    return this.#msize > 0;
  }

  /** Serves one whole message. EPROTO when it is too short to be answered. */
  message(frame: Uint8Array): void {
    const tag = frameTag(frame);
    let message: Message | undefined;
    try {
      message = decodeMessage(frame);
      if (message.name === "Tversion") this.#version(message);
      else if (!this.open) throw new Errno("EPROTO", "no version was agreed on");
      else if (message.name === "Tflush") this.#flush(message);
      else this.#serve(message);
    } catch (error) {
      this.#fail(tag, error, message);
    }
  }

  /** The connection is gone: what waits ends, what is open is closed. */
  close(): void {
    for (const pending of [...this.#pending.values()]) this.#silence(pending);
    this.#fids.clunkAll();
  }

  /** Begins anew: everything from before is gone, version(5). */
  #version({ tag, msize, version }: Message<"Tversion">): void {
    this.close();
    this.#msize = 0;
    const known = version === VERSION_9P2000_L || version.startsWith(`${VERSION_9P2000_L}.`);
    if (msize < MIN_MSIZE) throw new Errno("EMSGSIZE", `msize ${msize} is less than ${MIN_MSIZE}`);
    const agreed = Math.min(msize, MAX_MSIZE);
    if (known) {
      this.#msize = agreed;
      this.#options.onMsize?.(agreed);
    }
    this.#reply("Rversion", tag, { msize: agreed, version: known ? VERSION_9P2000_L : "unknown" });
  }

  /** Nothing is said about the flushed request once this is answered, flush(5). */
  #flush({ tag, oldtag }: Message<"Tflush">): void {
    const pending = this.#pending.get(oldtag);
    if (pending) this.#silence(pending);
    this.#reply("Rflush", tag, {});
  }

  #silence(pending: Pending): void {
    pending.silent = true;
    pending.parked.interrupt();
  }

  #serve(message: Message): void {
    const { name, tag } = message;
    const row = HANDLERS[name];
    if (!row) throw new Errno("EOPNOTSUPP", `${name} is no request`);
    if (tag === NOTAG || this.#pending.has(tag)) throw new Errno("EINVAL", `tag ${tag} is in use`);
    const bytes = message.name === "Tread" ? Math.min(message.count, this.#msize) : 0;
    if (this.#pending.size >= MOST_PARKED || this.#waitingBytes + bytes > MOST_WAITING_BYTES) {
      throw new Errno("EAGAIN", "too many requests are waiting");
    }
    const outcome = row.handle(this.#state, message as never);
    if (outcome instanceof Parked) this.#park(row.reply, message, outcome, bytes);
    else this.#reply(row.reply, tag, outcome as Body<MessageName>);
  }

  #park(reply: MessageName, message: Message, parked: Parked<object>, bytes: number): void {
    const { tag } = message;
    const release = claimWait(this.#fs, this.#options.caller, parked);
    this.#waitingBytes += bytes;
    const forget = (): void => {
      release();
      this.#pending.delete(tag);
      this.#waitingBytes -= bytes;
    };
    const pending: Pending = { parked, fid: "fid" in message ? message.fid : undefined, silent: false };
    this.#pending.set(tag, pending);
    parked.listen({
      settled: (body) => {
        forget();
        if (!pending.silent) this.#reply(reply, tag, body as Body<MessageName>);
      },
      failed: (error) => {
        forget();
        if (!pending.silent) this.#fail(tag, error, message);
      },
    });
  }

  #reply<N extends MessageName>(name: N, tag: number, body: Body<N>): void {
    this.#options.reply(encodeMessage(name, tag, body));
  }

  /** `message` is what failed, where it could be decoded; its fid keeps the reason, which the answer has no room for. */
  #fail(tag: number, error: unknown, message: Message | undefined): void {
    const told = toErrno(error);
    if (message && "fid" in message) this.#fids.failed(message.fid, told.reason);
    this.#reply("Rlerror", tag, { ecode: told.errno });
    if (told instanceof Bug) this.#options.onBug(told.cause, message?.name ?? "message");
  }
}

/** Bytes that a connection may send before the message size is agreed on. */
export const FIRST_MSIZE: number = MIN_MSIZE;
/** Most bytes of one message. */
export const LARGEST_MSIZE: number = MAX_MSIZE;
/** Most data one read or write of a connection with this message size carries. */
export function dataSize(msize: number): number {
  return msize - IOHDRSZ;
}
