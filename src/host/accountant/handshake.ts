/**
 * How a process that is to become a command comes under accounting, both sides:
 *
 *     launcher                                  daemon
 *     offers a place for its listener
 *     and one end of a socket: `run` ---------> takes a copy of the end, waits for a listener in the place
 *     closes its own copy of the end <--------- answers
 *     installs the filter: from here on its
 *     trapped calls wait for an answer
 *     waits for a byte                          takes the listener, records it, has it kept
 *     becomes the command <-------------------- writes the byte
 *
 * The daemon can be killed at any point. Before its answer the launcher sees the end of the connection, and asks the next one. After
 * it nobody has the other end of the socket but that daemon: the launcher sees its end and no byte, says so and ends. Once there
 * is a byte the listener is kept, and the next daemon goes on with it.
 */
import { utf8 } from "../../core/base/text.ts";
import { SOCK_STREAM, socketPair } from "../linux/descriptor-message.ts";
import { lastErrno } from "../linux/ffi/call.ts";
import { libcClose, libcExit, libcPidfdGetfd, libcRead, libcWrite } from "../linux/ffi/libc.ts";
import { openPidfd } from "../linux/watch-process.ts";
import { filterSelf, reserveDescriptor } from "./self-filter.ts";

const STDERR = 2;
/** The exit status for a command that could not be started, as env(1) has it. */
const NOT_STARTED = 126;
const LOST = utf8(
  "lyonnais: run: the daemon ended before it had taken on the command, which was not started; run it again\n",
);

/** The launcher's side. */
export class Offer {
  /** The descriptor number that the listener will get. */
  readonly place: number = reserveDescriptor();
  /** The descriptor of the socket's other end. */
  readonly end: number;
  readonly #own: number;

  constructor() {
    [this.#own, this.end] = socketPair(SOCK_STREAM);
  }

  /** The daemon has answered that this process is accounted already: closes everything. */
  withdraw(): void {
    for (const fd of [this.place, this.end, this.#own]) libcClose(fd);
  }

  /**
   * The daemon waits for the listener: puts this process under the filter, and returns when somebody answers its calls. Does not
   * return when nobody will: any further call could wait for ever, so this process ends here, with a line. Throws what
   * {@link filterSelf} does, which `repair` is for.
   */
  accept(repair: boolean): void {
    libcClose(this.end);
    const byte = new Uint8Array(1);
    filterSelf(this.place, repair);
    if (libcRead(this.#own, byte, 1) === 1) return;
    libcWrite(STDERR, LOST, LOST.length);
    libcExit(NOT_STARTED);
  }
}

/** The daemon's side of the socket. */
export class Acceptance {
  #end: number;

  private constructor(end: number) {
    this.#end = end;
  }

  /** Takes a copy of the `end` that process `pid` offers. EPERM where the kernel lets us have none; ESRCH. */
  static take(pid: number, end: number): Acceptance {
    const pidfd = openPidfd(pid);
    try {
      const copy = libcPidfdGetfd(pidfd, end, 0);
      if (copy < 0) throw lastErrno(`the kernel lets us have no descriptor of process ${pid}`);
      return new Acceptance(copy);
    } finally {
      libcClose(pidfd);
    }
  }

  /** The keeper holds the listener: the launcher may execute the command. */
  give(): void {
    libcWrite(this.#end, new Uint8Array([1]), 1);
    this.close();
  }

  /** Closes the socket: the launcher gets no listener, or needs none. */
  close(): void {
    if (this.#end >= 0) libcClose(this.#end);
    this.#end = -1;
  }
}
