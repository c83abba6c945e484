/** Jobs that wait for nobody but the test, and the program of the threads that do them. */
import { isMainThread } from "node:worker_threads";
import type { JobKit } from "../../src/host/linux/elsewhere/kit.ts";
import { serveJobs } from "../../src/host/linux/elsewhere/serve-jobs.ts";

/** Words that a job and the test share: how many jobs have begun, and whether they may end. */
export const BEGUN = 0;
export const RELEASED = 1;

export const makeWords = (): Int32Array => new Int32Array(new SharedArrayBuffer(8));

/** Lets all that waits for these words go on. */
export function release(words: Int32Array): void {
  Atomics.store(words, RELEASED, 1);
  Atomics.notify(words, RELEASED);
}

export interface ToyJobs {
  answer(job: object): number;
  /** Sleeps until it is released, or so many milliseconds. */
  sleep(job: { readonly words: Int32Array; readonly ms?: number }): number;
  /** Computes until it is released. */
  compute(job: { readonly words: Int32Array }): number;
}

const TOY_JOBS: ToyJobs = {
  answer: () => 42,
  sleep({ words, ms }) {
    Atomics.add(words, BEGUN, 1);
    Atomics.wait(words, RELEASED, 0, ms);
    return 42;
  },
  compute({ words }) {
    Atomics.add(words, BEGUN, 1);
    while (Atomics.load(words, RELEASED) === 0);
    return 42;
  },
};

export const TOY_KIT: JobKit<ToyJobs> = {
  jobs: TOY_JOBS,
  lockOf: { answer: "mmap_lock", sleep: "mmap_lock", compute: "mmap_lock" },
  program: new URL(import.meta.url),
  atOnce: 16,
};

if (!isMainThread) serveJobs(TOY_JOBS);
