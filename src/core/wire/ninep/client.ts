import { MAX_MSIZE, NOTAG, VERSION_9P2000_L } from "../../abi/ninep.ts";
import { Errno, errnoName } from "../../base/errno.ts";
import { decodeMessage, encodeMessage } from "./codec.ts";
import type { Body, Message, MessageName } from "./messages.ts";

/** Requests, by name. */
export type RequestName = Extract<MessageName, `T${string}`>;
/** The answer to a request. */
export type ReplyOf<T extends RequestName> = T extends `T${infer Rest}` ? Extract<MessageName, `R${Rest}`> : never;

export interface Call<T> {
  readonly reply: Promise<T>;
  /** Asks the server to give up; unless the answer was under way {@link reply} rejects with EINTR. */
  flush(): void;
}

interface Waiting {
  readonly expects: MessageName;
  settle(message: Message): void;
  fail(error: Errno): void;
}

/** A client's side of one 9P2000.L connection: calls by tag, over whatever carries the messages. */
export class NinepClient {
  readonly #send: (frame: Uint8Array) => void;
  readonly #waiting = new Map<number, Waiting>();
  #nextTag = 0;
  #ended: Errno | undefined;
  #msize = 0;

  constructor(send: (frame: Uint8Array) => void) {
    this.#send = send;
  }

  /** The largest message, once {@link version} has been agreed on. */
  get msize(): number {
    return this.#msize;
  }

  /** The first call. EPROTO when the server does not speak 9P2000.L. */
  async version(): Promise<void> {
    const { msize, version } = await this.#call("Tversion", { msize: MAX_MSIZE, version: VERSION_9P2000_L }, NOTAG);
    if (version !== VERSION_9P2000_L)
      throw new Errno("EPROTO", `the server speaks ${version}, not ${VERSION_9P2000_L}`);
    this.#msize = Math.min(msize, MAX_MSIZE);
  }

  call<T extends RequestName>(name: T, body: Body<T>): Call<Body<ReplyOf<T>>> {
    const tag = this.#freeTag();
    const reply = this.#call(name, body, tag);
    return { reply, flush: () => this.#flush(tag) };
  }

  /** One message from the server. EPROTO ends the connection: the sides are out of step. */
  receive(frame: Uint8Array): void {
    const message = decodeMessage(frame);
    const waiting = this.#waiting.get(message.tag);
    if (!waiting) throw new Errno("EPROTO", `an answer with tag ${message.tag}, which nothing waits for`);
    this.#waiting.delete(message.tag);
    if (message.name === "Rlerror") {
      waiting.fail(new Errno(errnoName(message.ecode), `the server says error ${message.ecode}`));
    } else if (message.name === waiting.expects) waiting.settle(message);
    else throw new Errno("EPROTO", `${message.name} instead of ${waiting.expects}`);
  }

  /** The connection is gone: every call fails with `error`, those to come too. */
  end(error: Errno): void {
    this.#ended ??= error;
    for (const waiting of this.#waiting.values()) waiting.fail(this.#ended);
    this.#waiting.clear();
  }

  #freeTag(): number {
    do this.#nextTag = (this.#nextTag + 1) % NOTAG;
    while (this.#waiting.has(this.#nextTag));
    return this.#nextTag;
  }

  #call<T extends RequestName>(name: T, body: Body<T>, tag: number): Promise<Body<ReplyOf<T>>> {
    return new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(this.#ended);
        return;
      }
      this.#waiting.set(tag, {
        expects: `R${name.slice(1)}` as MessageName,
        settle: (message) => resolve(message as unknown as Body<ReplyOf<T>>),
        fail: reject,
      });
      this.#send(encodeMessage(name, tag, body));
    });
  }

  #flush(oldtag: number): void {
    const waiting = this.#waiting.get(oldtag);
    if (!waiting || this.#ended) return;
    const interrupted = (): void => {
      // The tag is free again only now: until here its answer could have been under way.
      if (this.#waiting.get(oldtag) !== waiting) return;
      this.#waiting.delete(oldtag);
      waiting.fail(new Errno("EINTR", "interrupted"));
    };
    this.#call("Tflush", { oldtag }, this.#freeTag()).then(interrupted, interrupted);
  }
}
