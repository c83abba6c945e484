import { TICKS_PER_SECOND } from "../../core/abi/time.ts";
import { libcClockGettime } from "./ffi/libc.ts";

/** clock_gettime(2). */
const CLOCK_BOOTTIME = 7;
const time = new BigInt64Array(2);
const bytes = new Uint8Array(time.buffer);

/** Since the machine started, in the unit and by the clock of the start times in /proc. */
export function bootTicks(): number {
  libcClockGettime(CLOCK_BOOTTIME, bytes);
  return Math.floor((Number(time[0]) + Number(time[1]) / 1e9) * TICKS_PER_SECOND);
}
