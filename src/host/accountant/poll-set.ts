import { libcPpoll } from "../linux/ffi/libc.ts";

const POLLIN = 1;
/** struct pollfd, in words of 16 and 32 bits. */
const POLLFD_SHORTS = 4;
const POLLFD_INTS = 2;
const EVENTS = 2;
const REVENTS = 3;
const POLLFD_BYTES = 8;
/** struct timespec. */
const TIMESPEC = 16;
const NANOSECONDS = 2;

/** What a descriptor has to tell. */
export const NOTHING = 0;
export const READABLE = 1;
/** Its other end is gone, and nothing is left to be read. */
export const HUNG_UP = 2;

/** Descriptors that a thread waits for by ppoll(2), each at a place of its own. */
export class PollSet {
  readonly #count: number;
  readonly #memory: Buffer;
  readonly #fds: Int32Array;
  readonly #events: Int16Array;
  /** struct timespec: seconds and nanoseconds, each in the lower half of eight bytes. */
  readonly #timeout: Int32Array = new Int32Array(TIMESPEC / Int32Array.BYTES_PER_ELEMENT);
  readonly #timeoutMemory: Uint8Array = new Uint8Array(this.#timeout.buffer);

  constructor(places: number) {
    this.#count = places;
    const memory = new ArrayBuffer(places * POLLFD_BYTES);
    this.#memory = Buffer.from(memory);
    this.#fds = new Int32Array(memory);
    this.#events = new Int16Array(memory);
    for (let place = 0; place < places; place++) this.put(place, -1);
  }

  /** What is waited for at that place from now on; -1: nothing. */
  put(place: number, fd: number): void {
    this.#fds[place * POLLFD_INTS] = fd;
    this.#events[place * POLLFD_SHORTS + EVENTS] = POLLIN;
    this.#events[place * POLLFD_SHORTS + REVENTS] = 0;
  }

  /** Waits until there is something, `timeoutMs` milliseconds at most, Infinity for no limit. False: there is nothing. */
  wait(timeoutMs: number): boolean {
    return libcPpoll(this.#memory, this.#count, this.#timespec(timeoutMs), null) > 0;
  }

  /** What was found at that place, after {@link wait} has found something. */
  found(place: number): typeof NOTHING | typeof READABLE | typeof HUNG_UP {
    const events = this.#events[place * POLLFD_SHORTS + REVENTS]!;
    if (events === 0) return NOTHING;
    return (events & POLLIN) !== 0 ? READABLE : HUNG_UP;
  }

  #timespec(timeoutMs: number): Uint8Array | null {
    if (timeoutMs === Number.POSITIVE_INFINITY) return null;
    const ms = Math.max(0, timeoutMs);
    const seconds = Math.floor(ms / 1000);
    this.#timeout[0] = seconds;
    this.#timeout[NANOSECONDS] = Math.round((ms - seconds * 1000) * 1e6) % 1e9;
    return this.#timeoutMemory;
  }
}
