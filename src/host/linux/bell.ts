import { check } from "./ffi/call.ts";
import { libcClose, libcEventfd, libcRead, libcWrite } from "./ffi/libc.ts";

/** sys/eventfd.h. */
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

const one = Buffer.alloc(8);
one.writeBigUInt64LE(1n);
const count = Buffer.alloc(8);

/**
 * Wakes a thread that waits in a system call: an eventfd, readable from a ring until it is silenced. Its descriptor is a number that any
 * thread of this process may use; whoever has called {@link make} closes it, when no other thread uses it any more.
 */
export class Bell {
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** EMFILE. */
  static make(): Bell {
    return new Bell(check(libcEventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"));
  }

  ring(): void {
    libcWrite(this.fd, one, 8);
  }

  /** To be called before the messages are read: a message that comes later rings again, and is not lost. */
  silence(): void {
    libcRead(this.fd, count, 8);
  }

  close(): void {
    libcClose(this.fd);
  }
}
