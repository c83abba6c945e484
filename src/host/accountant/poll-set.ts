import { libcPpoll } from "../linux/ffi/libc.ts";

const POLLIN = 1;
/** struct pollfd: bytes. */
const POLLFD = 8;
const EVENTS = 4;
const REVENTS = 6;
/** struct timespec. */
const TIMESPEC = 16;
const NANOSECONDS = 8;

/** What {@link PollSet.wait} found, a bit each; 0: nothing until the time was over. */
export const LATEST_READY = 1;
export const OTHERS_READY = 2;
export const BELL_RINGS = 4;

/**
 * What the accountant's thread waits for. The listener that had a call last is waited for directly and not through the epoll set: the
 * kernel wakes who waits for a listener itself on the processor of the caller, who sleeps then; through an epoll set it wakes us on
 * another one, which is asleep, and that takes ten times as long.
 */
export class PollSet {
  readonly #fds: Buffer = Buffer.alloc(3 * POLLFD);
  readonly #timeout: Buffer = Buffer.alloc(TIMESPEC);

  /** `others` is the epoll set, `bell` what wakes this thread for messages. */
  constructor(others: number, bell: number) {
    for (const [i, fd] of [-1, others, bell].entries()) {
      this.#fds.writeInt32LE(fd, i * POLLFD);
      this.#fds.writeInt16LE(POLLIN, i * POLLFD + EVENTS);
    }
  }

  /** Waits for `latest`, a listener's descriptor or -1, and everything else: `timeoutMs` milliseconds at most, Infinity for no limit. */
  wait(latest: number, timeoutMs: number): number {
    this.#fds.writeInt32LE(latest, 0);
    if (libcPpoll(this.#fds, 3, this.#timespec(timeoutMs), null) <= 0) return 0;
    let found = 0;
    // What is wrong with a listener, its end, is for the epoll set to tell.
    if (latest >= 0 && this.#fds.readInt16LE(REVENTS) === POLLIN) found |= LATEST_READY;
    if (this.#fds.readInt16LE(POLLFD + REVENTS) !== 0) found |= OTHERS_READY;
    if (this.#fds.readInt16LE(2 * POLLFD + REVENTS) !== 0) found |= BELL_RINGS;
    return found;
  }

  #timespec(timeoutMs: number): Buffer | null {
    if (timeoutMs === Number.POSITIVE_INFINITY) return null;
    const ms = Math.max(0, timeoutMs);
    const seconds = Math.floor(ms / 1000);
    this.#timeout.writeUInt32LE(seconds, 0);
    this.#timeout.writeUInt32LE(Math.round((ms - seconds * 1000) * 1e6) % 1e9, NANOSECONDS);
    return this.#timeout;
  }
}
