import { workerData } from "node:worker_threads";

/** What worker.ts adds to a thread's data: a word that is 1 once all of its program is loaded. */
export interface LoadedFlag {
  readonly loaded: Int32Array;
}

/** To be called first by the program of a thread that `startWorker` starts: its imports are done by then. */
export function tellLoaded(): void {
  Atomics.store((workerData as LoadedFlag).loaded, 0, 1);
}
