/** Words of the memory shared with the thread: whether it is there, which turn is wanted, begun and done, and for which process. */
export const WORDS = { ready: 0, wanted: 1, begun: 2, done: 3, pid: 4, count: 5 } as const;

/** What stands for a process that is gone, and for one that could not be read. */
export const GONE = -1;
export const FAILED = -2;

/** What the thread is given. */
export interface LifeReaderData {
  readonly words: Int32Array;
  /** One number: the start time in ticks, {@link GONE} or {@link FAILED}. */
  readonly result: Float64Array;
}
