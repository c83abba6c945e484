/** What /proc/pid/schedstat tells, Documentation/scheduler/sched-stats.rst; zeros where the kernel does not count. */
export interface Schedstat {
  /** Nanoseconds on a processor. */
  readonly ranNs: number;
  /** How often it was given one. */
  readonly slices: number;
}

export function parseSchedstat(text: string): Schedstat {
  const [ranNs = 0, , slices = 0] = text.split(" ").map(Number);
  return { ranNs, slices };
}
