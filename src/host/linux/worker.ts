/**
 * Threads that load native code. Node aborts the whole process where such a thread is ended in the middle of that: so it is ended
 * once it has come so far, and a process that ends before does it without ending its threads one by one.
 */
import { setTimeout as pause } from "node:timers/promises";
import { Worker, type WorkerOptions } from "node:worker_threads";
import { Errno } from "../../core/base/errno.ts";
import { libcExit } from "./ffi/libc.ts";
import type { LoadedFlag } from "./worker-loaded.ts";

/** How often it is checked whether a thread that is to end has loaded, which takes some 50 ms. */
const LOOK_MS = 2;

const workers = new Map<Worker, Int32Array>();

const isLoading = (worker: Worker): boolean => {
  const loaded = workers.get(worker);
  return loaded !== undefined && Atomics.load(loaded, 0) === 0;
};

function endAtOnce(status: number): void {
  for (const worker of workers.keys()) if (isLoading(worker)) libcExit(status);
}

function newWorker(program: URL, options: WorkerOptions): Worker {
  try {
    return new Worker(program, options);
  } catch (error) {
    throw new Errno("EAGAIN", "no thread can be started; try again later", error);
  }
}

/** Starts the thread of `program`, which calls `beginWorker`; `data` is its workerData. EAGAIN, as at RLIMIT_NPROC. */
export function startWorker(program: URL, data: object, options: Omit<WorkerOptions, "workerData"> = {}): Worker {
  const flag: LoadedFlag = { loaded: new Int32Array(new SharedArrayBuffer(4)) };
  const worker = newWorker(program, { ...options, workerData: { ...data, ...flag } });
  if (workers.size === 0) process.on("exit", endAtOnce);
  workers.set(worker, flag.loaded);
  worker.once("exit", () => {
    workers.delete(worker);
    if (workers.size === 0) process.off("exit", endAtOnce);
  });
  return worker;
}

/** Ends a thread and resolves when it has ended. A thread that waits in the kernel does not end before it returns. */
export async function endWorker(worker: Worker): Promise<void> {
  while (isLoading(worker)) await pause(LOOK_MS);
  await worker.terminate();
}
