import { Errno, isErrno } from "../../core/base/errno.ts";
import { type ContainerProcess, readContainerProcess } from "../../core/policy/container-budget.ts";
import { receivePiece } from "../../host/linux/descriptor-message.ts";
import { libcClose } from "../../host/linux/ffi/libc.ts";
import { watchReadable } from "../../host/linux/watch.ts";

/** A state has a few thousand bytes; annotations may have more. */
const MOST_BYTES = 1 << 20;
/** How long a runtime may take to send it. */
const PATIENCE_MS = 10_000;

const piece = Buffer.alloc(64 * 1024);

export interface AgentOwner {
  /** A container's process has come; the listener is the owner's. */
  came(process: ContainerProcess, listener: number): void;
  /** It said what cannot be taken, and is refused: its calls fail. */
  refused(error: Errno): void;
  closed(connection: AgentConnection): void;
}

/** A container runtime that is connected: it sends one state, as JSON, and one descriptor with it, and goes. Some go without. */
export class AgentConnection {
  readonly #socket: number;
  readonly #owner: AgentOwner;
  readonly #watch: { close(): void };
  readonly #timer: NodeJS.Timeout;
  #text: Buffer = Buffer.alloc(0);
  #listener: number | undefined;
  #isClosed = false;

  /** `socket` becomes its own. */
  constructor(socket: number, owner: AgentOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#timer = setTimeout(() => this.close(), PATIENCE_MS);
    this.#timer.unref();
    this.#watch = watchReadable(socket, () => this.#read());
  }

  #read(): void {
    try {
      while (!this.#isClosed && this.#take());
    } catch (error) {
      // One that is gone meanwhile has nothing to say.
      if (!isErrno(error)) throw error;
      if (!isErrno(error, "ECONNRESET")) this.#owner.refused(error);
      this.close();
    }
  }

  /** Whether there may be more. */
  #take(): boolean {
    const got = receivePiece(this.#socket, piece);
    if (!got) return false;
    if (got.fd !== undefined) {
      if (this.#listener !== undefined) libcClose(this.#listener);
      this.#listener = got.fd;
    }
    this.#text = Buffer.concat([this.#text, piece.subarray(0, got.count)]);
    if (this.#text.length > MOST_BYTES) throw new Errno("EMSGSIZE", `a state of more than ${MOST_BYTES} bytes`);
    const state = parsed(this.#text);
    if (state !== undefined && this.#listener !== undefined) {
      this.#owner.came(readContainerProcess(state), this.#listener);
      // It is the owner's now.
      this.#listener = undefined;
      this.close();
    } else if (got.count === 0) {
      if (this.#text.length > 0) throw new Errno("EINVAL", "a message that is no state with a descriptor");
      this.close();
    }
    return true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#watch.close();
    if (this.#listener !== undefined) libcClose(this.#listener);
    libcClose(this.#socket);
    this.#owner.closed(this);
  }
}

function parsed(text: Buffer): unknown {
  // It ends with a brace: not every piece is tried.
  if (text.length === 0 || !text.subarray(-16).toString("latin1").trimEnd().endsWith("}")) return undefined;
  try {
    return JSON.parse(text.toString("utf8"));
  } catch {
    return undefined;
  }
}
