import { release } from "node:os";
import { Errno } from "../../core/base/errno.ts";

/** Debian 12's: the oldest that the tests are run on (`npm run kernels`). What newer ones have besides, doctor names. */
export const OLDEST_KERNEL = "6.1";

/** Refuses kernels older than {@link OLDEST_KERNEL}. EOPNOTSUPP. */
export function requireKernel(running: string = release()): void {
  const [major = 0, minor = 0] = running.split(".").map((part) => Number.parseInt(part, 10));
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_KERNEL.split(".").map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new Errno("EOPNOTSUPP", `Linux ${running} is too old: boot ${OLDEST_KERNEL} or newer`);
}
