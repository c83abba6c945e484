import { workerData } from "node:worker_threads";
import { countInOwnPages } from "./page-size.ts";

/** What worker.ts adds to a thread's data: a word that is 1 once all of its program is loaded. */
export interface LoadedFlag {
  readonly loaded: Int32Array;
}

/**
 * To be called first by the program of a thread that `startWorker` starts, when its imports are done. Modules are each thread's own: from
 * here on this one counts in this machine's pages, too.
 */
export function beginWorker(): void {
  countInOwnPages();
  Atomics.store((workerData as LoadedFlag).loaded, 0, 1);
}
