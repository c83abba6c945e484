import { check } from "./ffi/call.ts";
import { libcClose, libcEpollCreate, libcEpollCtl, libcEpollWait } from "./ffi/libc.ts";
import { hostArch } from "./host-arch.ts";

/** sys/epoll.h. */
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 0x1;
export const EPOLLHUP = 0x10;
const DATA = hostArch().epollData;
const EVENT_SIZE = DATA + 8;
const BATCH = 64;

/** An epoll set. Each descriptor has a number that the caller chooses; the descriptors stay the caller's. */
export class Epoll {
  readonly fd: number;
  readonly #event: Buffer = Buffer.alloc(EVENT_SIZE);
  readonly #events: Buffer = Buffer.alloc(BATCH * EVENT_SIZE);

  constructor() {
    this.fd = check(libcEpollCreate(EPOLL_CLOEXEC), "epoll_create1");
  }

  add(fd: number, key: number): void {
    this.#event.writeUInt32LE(EPOLLIN, 0);
    this.#event.writeUInt32LE(key, DATA);
    check(libcEpollCtl(this.fd, EPOLL_CTL_ADD, fd, this.#event), "epoll_ctl");
  }

  remove(fd: number): void {
    check(libcEpollCtl(this.fd, EPOLL_CTL_DEL, fd, this.#event), "epoll_ctl");
  }

  /** Calls `ready` for each descriptor that is ready now. */
  poll(ready: (key: number, events: number) => void): void {
    const count = libcEpollWait(this.fd, this.#events, BATCH, 0);
    for (let i = 0; i < count; i++) {
      const at = i * EVENT_SIZE;
      ready(this.#events.readUInt32LE(at + DATA), this.#events.readUInt32LE(at));
    }
  }

  close(): void {
    libcClose(this.fd);
  }
}
