import { Errno, isErrno } from "../../core/base/errno.ts";
import { encodePacket, PacketFramer, type Received } from "../../core/rsp/framer.ts";
import { parseRequest, type Request } from "../../core/rsp/requests.ts";
import { formatError } from "../../core/rsp/stop-reply.ts";
import type { Debuggee } from "./debuggee.ts";
import { HANDLERS, PACKET_SIZE } from "./handlers.ts";
import type { Inferior } from "./inferior.ts";
import { SessionState } from "./session-state.ts";

/** Packets that wait while one is answered: a client sends the next one only then. */
const MOST_WAITING = 64;

const ACK = Uint8Array.of(0x2b);
const NAK = Uint8Array.of(0x2d);

export interface SessionOptions {
  readonly debuggee: Debuggee;
  /** Under control already. The session lets it go at its end. */
  readonly inferior?: Inferior;
  send(bytes: Uint8Array): void;
  /** Told of an exception that is no Errno: a bug. The request is answered by an error. */
  onBug(error: unknown): void;
}

/**
 * One client of the remote serial protocol: bytes in, bytes out. Requests are answered one after the other; while the process runs
 * an interrupt is heard, and so is the client's end.
 */
export class GdbSession {
  readonly #options: SessionOptions;
  readonly #framer = new PacketFramer(PACKET_SIZE);
  readonly #state: SessionState;
  readonly #waiting: string[] = [];
  #working: Promise<void> | undefined;
  #last: Uint8Array | undefined;
  #acks = true;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#state = new SessionState(options.debuggee);
    this.#state.inferior = options.inferior;
  }

  /** What the client has sent. */
  receive(bytes: Uint8Array): void {
    for (const received of this.#framer.push(bytes)) this.#take(received);
  }

  /** The client has gone: the process is let go, running or not. */
  async close(): Promise<void> {
    this.#state.ended = true;
    this.#waiting.length = 0;
    const { inferior, files } = this.#state;
    this.#state.inferior = undefined;
    await inferior?.detach();
    await files.close();
    await this.#working;
  }

  #take(received: Received): void {
    switch (received.kind) {
      case "interrupt":
        this.#interrupt();
        break;
      case "nak":
        if (this.#last) this.#options.send(this.#last);
        break;
      case "damaged":
        if (this.#acks) this.#options.send(NAK);
        break;
      case "packet":
        if (this.#acks) this.#options.send(ACK);
        if (this.#waiting.length < MOST_WAITING) this.#waiting.push(received.body);
        this.#working ??= this.#work();
        break;
    }
  }

  /** Where nothing runs and nothing is about to, it says nothing. */
  #interrupt(): void {
    if (!this.#working) return;
    this.#state.inferior?.interrupt().catch((error: unknown) => {
      // It has stopped, or ended, in this very moment: that is told.
      if (!isErrno(error)) this.#options.onBug(error);
    });
  }

  async #work(): Promise<void> {
    for (let body = this.#waiting.shift(); body !== undefined; body = this.#waiting.shift()) {
      const answer = await this.#answer(body);
      if (this.#state.ended) break;
      this.#last = encodePacket(answer);
      this.#options.send(this.#last);
      if (this.#state.noAck) {
        this.#acks = false;
        this.#framer.checks = false;
      }
    }
    this.#state.inferior?.forgetInterrupt();
    this.#working = undefined;
  }

  async #answer(body: string): Promise<string> {
    try {
      const request = parseRequest(body);
      return request ? await this.#perform(request) : "";
    } catch (error) {
      if (!isErrno(error) && !this.#state.ended) this.#options.onBug(error);
      const { errno, reason } = isErrno(error) ? error : new Errno("EIO", "an error of the server's own");
      return formatError(errno, reason, this.#state.textErrors);
    }
  }

  #perform({ name, says }: Request): string | Promise<string> {
    return HANDLERS[name](this.#state, says as never);
  }
}
