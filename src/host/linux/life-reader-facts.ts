/** Words of the memory shared with the thread: whether it is there, which turn is wanted, begun and done, and for which process. */
export const WORDS = { ready: 0, wanted: 1, begun: 2, done: 3, pid: 4, count: 5 } as const;

/** What stands for a process that is gone. */
export const GONE = -1;

/** What the thread is given. */
export interface LifeReaderData {
  readonly words: Int32Array;
  /** One number: the start time in ticks, or {@link GONE}. */
  readonly result: Float64Array;
}
