import { type Descriptor, UNREADABLE } from "./memory-file.ts";

interface Read {
  readonly pid: number;
  readonly fd: number;
  /** Undefined while the descriptor is being read. */
  descriptor: Descriptor | undefined;
}

/**
 * The descriptors that trapped calls are about, where another thread has to read them. One is remembered a calling thread, from the first
 * attempt to decide its call until the call is decided: the next call may be about another file with the same number.
 */
export class DescriptorReads {
  readonly #reads = new Map<number, Read>();
  /** Asks the other thread. False: it does not read that process now. */
  readonly #ask: (pid: number, fd: number) => boolean;

  constructor(ask: (pid: number, fd: number) => boolean) {
    this.#ask = ask;
  }

  /** What descriptor `fd` of process `pid` is, whose thread `caller` calls. Undefined: it is being read, ask again. */
  of(caller: number, pid: number, fd: number): Descriptor | undefined {
    const known = this.#reads.get(caller);
    if (known?.pid === pid && known.fd === fd) return known.descriptor;
    const read: Read = { pid, fd, descriptor: undefined };
    this.#reads.set(caller, read);
    if (!this.#ask(pid, fd)) read.descriptor = UNREADABLE;
    return read.descriptor;
  }

  /** The other thread has read it; undefined where it could not. */
  arrived(pid: number, fd: number, descriptor: Descriptor = UNREADABLE): void {
    for (const read of this.#reads.values()) if (read.pid === pid && read.fd === fd) read.descriptor ??= descriptor;
  }

  /** The call of that thread is decided. */
  decided(caller: number): void {
    if (this.#reads.size > 0) this.#reads.delete(caller);
  }

  /** The process has exited. */
  forget(pid: number): void {
    for (const [caller, read] of this.#reads) if (read.pid === pid) this.#reads.delete(caller);
  }
}
