/** USER_HZ: the unit of the times in /proc/pid/stat, the same on every Linux. */
export const TICKS_PER_SECOND = 100;
