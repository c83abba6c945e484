import { EPOLLHUP, Epoll } from "../linux/epoll.ts";
import { libcClose } from "../linux/ffi/libc.ts";

/** What is done when a descriptor is readable, or hung up. */
type Serve = (isHungUp: boolean) => void;

interface Watched {
  readonly key: number;
  /** Closed with the set. */
  readonly isOurs: boolean;
  readonly serve: Serve;
}

/** Descriptors that a thread without an event loop waits for, and what is to be done for each: one epoll set. */
export class WatchSet {
  readonly #epoll: Epoll = new Epoll();
  readonly #byKey = new Map<number, Serve>();
  readonly #byFd = new Map<number, Watched>();
  #nextKey = 1;

  /** Readable when one of them is. */
  get fd(): number {
    return this.#epoll.fd;
  }

  /** `isOurs`: closed with the set. */
  add(fd: number, isOurs: boolean, serve: Serve): void {
    const key = this.#nextKey++;
    this.#epoll.add(fd, key);
    this.#byKey.set(key, serve);
    this.#byFd.set(fd, { key, isOurs, serve });
  }

  /** To be called before the descriptor is closed. */
  remove(fd: number): void {
    const watched = this.#byFd.get(fd);
    if (!watched) return;
    this.#byFd.delete(fd);
    this.#byKey.delete(watched.key);
    this.#epoll.remove(fd);
  }

  /** Closes a descriptor, which ends its being watched where nobody else has it. */
  close(fd: number): void {
    const watched = this.#byFd.get(fd);
    if (!watched) return;
    this.#byFd.delete(fd);
    this.#byKey.delete(watched.key);
    libcClose(fd);
  }

  /** How many there are. */
  get size(): number {
    return this.#byFd.size;
  }

  /** Serves those that are ready now, each once. */
  poll(): void {
    this.#epoll.poll(this.#serve);
  }

  /** One that was removed meanwhile is not served any more. */
  readonly #serve = (key: number, events: number): void => this.#byKey.get(key)?.((events & EPOLLHUP) !== 0);

  closeAll(): void {
    for (const [fd, { isOurs }] of this.#byFd) if (isOurs) libcClose(fd);
    this.#byFd.clear();
    this.#byKey.clear();
    this.#epoll.close();
  }
}
