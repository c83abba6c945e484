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

/** The state of a descriptor. */
export const NOTHING = 0;
export const READABLE = 1;
/** POLLHUP or POLLERR, with nothing left to be read. */
export const HUNG_UP = 2;

/** The array of struct pollfd for ppoll(2): descriptors, each at a place of its own. */
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

  /** Sets the descriptor at that place; -1 for none. */
  put(place: number, fd: number): void {
    this.#fds[place * POLLFD_INTS] = fd;
    this.#events[place * POLLFD_SHORTS + EVENTS] = POLLIN;
    this.#events[place * POLLFD_SHORTS + REVENTS] = 0;
  }

  /** Waits until a descriptor is ready, `timeoutMs` milliseconds at most, Infinity for no limit. False: none is, or a signal came. */
  wait(timeoutMs: number): boolean {
    return libcPpoll(this.#memory, this.#count, this.#timespec(timeoutMs), null) > 0;
  }

  /** The state of the descriptor at that place, when {@link wait} has returned true. */
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
