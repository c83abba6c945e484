import { EPOLLHUP, Epoll } from "../linux/epoll.ts";
import { libcClose } from "../linux/ffi/libc.ts";

/** Called when a descriptor is readable, or hung up. */
type Serve = (isHungUp: boolean) => void;

interface Watched {
  readonly key: number;
  /** The set closes the descriptor when it is closed itself. */
  readonly isOurs: boolean;
  readonly serve: Serve;
}

/** An epoll set for a thread without an event loop: descriptors, and what is called for each. */
export class WatchSet {
  readonly #epoll: Epoll = new Epoll();
  /**
   * By the key in the epoll event. A descriptor's number may be reused while an event for the last one is still to be served; a key is not.
   */
  readonly #byKey = new Map<number, Serve>();
  readonly #byFd = new Map<number, Watched>();
  #nextKey = 1;

  /** The epoll descriptor: readable when one of the set is ready. */
  get fd(): number {
    return this.#epoll.fd;
  }

  /** Calls `serve` whenever `fd` is ready. `isOurs`: {@link closeAll} closes the descriptor. */
  add(fd: number, isOurs: boolean, serve: Serve): void {
    const key = this.#nextKey++;
    this.#epoll.add(fd, key);
    this.#byKey.set(key, serve);
    this.#byFd.set(fd, { key, isOurs, serve });
  }

  /** Watches `fd` no more. To be called before the descriptor is closed. */
  remove(fd: number): void {
    const watched = this.#byFd.get(fd);
    if (!watched) return;
    this.#byFd.delete(fd);
    this.#byKey.delete(watched.key);
    this.#epoll.remove(fd);
  }

  /** Closes a watched descriptor. That removes it from the epoll set where no other process has it open. */
  close(fd: number): void {
    const watched = this.#byFd.get(fd);
    if (!watched) return;
    this.#byFd.delete(fd);
    this.#byKey.delete(watched.key);
    libcClose(fd);
  }

  /** How many descriptors are watched. */
  get size(): number {
    return this.#byFd.size;
  }

  /** Serves the descriptors that are ready now, each once. Does not wait. */
  poll(): void {
    this.#epoll.poll(this.#serve);
  }

  /** A descriptor that was removed since epoll_wait returned has no entry any more, and is not served. */
  readonly #serve = (key: number, events: number): void => this.#byKey.get(key)?.((events & EPOLLHUP) !== 0);

  /** Closes the set and its own descriptors. */
  closeAll(): void {
    for (const [fd, { isOurs }] of this.#byFd) if (isOurs) libcClose(fd);
    this.#byFd.clear();
    this.#byKey.clear();
    this.#epoll.close();
  }
}
