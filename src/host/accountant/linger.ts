import { libcPpoll, uvBackendFd, uvDefaultLoop } from "../linux/ffi/libc.ts";

const POLLIN = 1;
/** struct pollfd. */
const POLLFD = 8;
const EVENTS = 4;
const REVENTS = 6;
const NANOSECONDS = 8;

/**
 * Waits a moment for one descriptor without the detour over the event loop, as long as that has nothing to do. The kernel wakes
 * whoever waits for a listener itself on the processor of the caller, who sleeps then; through an epoll set it wakes us on another
 * one, which is asleep: that takes ten times as long.
 */
export class Linger {
  readonly #fds: Buffer = Buffer.alloc(3 * POLLFD);
  readonly #timeout: Buffer = Buffer.alloc(16);

  /** `others` is looked after as well. */
  constructor(others: number) {
    for (const [i, fd] of [-1, others, uvBackendFd(uvDefaultLoop())].entries()) {
      this.#fds.writeInt32LE(fd, i * POLLFD);
      this.#fds.writeInt16LE(POLLIN, i * POLLFD + EVENTS);
    }
  }

  /** Whether `fd` has become ready, or one of the others, or the event loop has something to do, or nothing has happened. */
  wait(fd: number, timeoutNs: number): "ready" | "others" | "loop" | "nothing" {
    this.#fds.writeInt32LE(fd, 0);
    this.#timeout.writeUInt32LE(timeoutNs, NANOSECONDS);
    if (libcPpoll(this.#fds, 3, this.#timeout, null) <= 0) return "nothing";
    if (this.#fds.readInt16LE(REVENTS) === POLLIN) return "ready";
    // What is wrong with the descriptor is for the others' set to tell.
    return this.#fds.readInt16LE(POLLFD + REVENTS) !== 0 ? "others" : "loop";
  }
}
