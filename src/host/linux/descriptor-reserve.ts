import { O_CLOEXEC, O_RDONLY } from "../../core/abi/fcntl.ts";
import { ERRNO } from "../../core/base/errno.ts";
import { errnoNow, libcClose, libcOpen, libcOpenat } from "./ffi/libc.ts";

/** The reserve of this thread: open descriptors that are closed when a number is needed and the process has none left. */
const held: number[] = [];
let wanted = 0;

/** From now on {@link openForReading}, on this thread, finds `count` places also when this process has no descriptor left. */
export function holdReserve(count: number): void {
  wanted = count;
  refillReserve();
}

/** Opens again what has been used, as far as descriptors can be had. */
export function refillReserve(): void {
  while (held.length < wanted) {
    const fd = libcOpen("/dev/null", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return;
    held.push(fd);
  }
}

export function closeReserve(): void {
  wanted = 0;
  for (const fd of held.splice(0)) libcClose(fd);
}

/** openat(2) for reading: -1 and errno. Another thread may take a number that was just freed, so the reserve has several. */
export function openForReading(dirfd: number, path: string): number {
  for (;;) {
    const fd = libcOpenat(dirfd, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0 || held.length === 0 || errnoNow() !== ERRNO.EMFILE) return fd;
    libcClose(held.pop()!);
  }
}
