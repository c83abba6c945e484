import { MessageChannel, type MessagePort, type Worker } from "node:worker_threads";
import { isErrno } from "../../core/base/errno.ts";
import { endWorker, startWorker } from "../linux/worker.ts";
import type { ProcessReaderData } from "./process-reader-thread.ts";

const SCRIPT = new URL("./process-reader-thread.js", import.meta.url);
/** So many threads may be held up at a time. Beyond that no process of another user is read until a thread returns. */
const MOST = 8;

/** The reader threads: one at work, and those it has replaced, which end when their read returns. */
export class ProcessReaderPool {
  /** Each thread and its `busy` word. */
  readonly #all = new Map<Worker, Int32Array>();

  /**
   * Starts a thread in place of the last one. `bell` rings when it has a result. Undefined: too many are held up, or none can be started.
   */
  start(bell: number): MessagePort | undefined {
    for (const worker of this.#all.keys()) void endWorker(worker);
    if (this.#all.size >= MOST) return undefined;
    const { port1, port2 } = new MessageChannel();
    const busy = new Int32Array(new SharedArrayBuffer(4));
    const workerData: ProcessReaderData = { port: port2, bell, busy };
    let worker: Worker;
    try {
      worker = startWorker(SCRIPT, workerData, { transferList: [port2], execArgv: [] });
    } catch (error) {
      if (!isErrno(error)) throw error;
      port1.close();
      return undefined;
    }
    this.#all.set(worker, busy);
    worker.once("exit", () => this.#all.delete(worker));
    // An error needs no handling: whoever waits for a result of the thread gives up after a while.
    worker.on("error", () => {});
    worker.unref();
    return port1;
  }

  /** Whether a thread may be in a system call that does not return: process.exit() would wait for it. */
  get isHeldUp(): boolean {
    for (const busy of this.#all.values()) if (Atomics.load(busy, 0) !== 0) return true;
    return false;
  }

  /** Ends the threads that are not in a read. */
  async close(): Promise<void> {
    const ends: Promise<unknown>[] = [];
    for (const [worker, busy] of this.#all) if (Atomics.load(busy, 0) === 0) ends.push(endWorker(worker));
    await Promise.all(ends);
  }
}
