import { O_CLOEXEC, O_RDWR } from "../../core/abi/fcntl.ts";
import { Errno, errnoName } from "../../core/base/errno.ts";
import { errnoNow, libcOpen } from "../linux/ffi/libc.ts";

export const FUSE_DEVICE = "/dev/fuse";

/** Opens /dev/fuse. The error says what to do: ENOENT or ENODEV without FUSE, EACCES without the right. */
export function openFuseDevice(): number {
  const fd = libcOpen(FUSE_DEVICE, O_RDWR | O_CLOEXEC, 0);
  if (fd >= 0) return fd;
  const code = errnoName(errnoNow());
  const reasons: Partial<Record<typeof code, string>> = {
    ENOENT: `no ${FUSE_DEVICE}: load the fuse module (modprobe fuse), or give the container the device`,
    ENODEV: `${FUSE_DEVICE} has no driver: load the fuse module (modprobe fuse)`,
    EACCES: `${FUSE_DEVICE} may not be opened: it needs mode 0666, or run as root`,
    EPERM: `${FUSE_DEVICE} may not be opened: the container's device rules refuse it`,
  };
  throw new Errno(code, reasons[code] ?? `cannot open ${FUSE_DEVICE}`);
}
