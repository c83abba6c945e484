import { MessageChannel, type MessagePort, type Worker } from "node:worker_threads";
import { isErrno } from "../../core/base/errno.ts";
import { endWorker, startWorker } from "../linux/worker.ts";
import type { ProcessReaderData } from "./process-reader-thread.ts";

const SCRIPT = new URL("./process-reader-thread.js", import.meta.url);
/** So many may be held up by what they read; beyond it maps are not looked at until one comes back. */
const MOST = 8;

/** The threads that read maps: one at work, and those that it has taken the place of, which end when they come back. */
export class ProcessReaderPool {
  readonly #all = new Map<Worker, Int32Array>();

  /** Starts another one; undefined when too many are held up, or none can be started: it is asked for again. `bell` rings when it has found something. */
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
    // Nobody waits for it: what it was to find is given up after a while.
    worker.on("error", () => {});
    worker.unref();
    return port1;
  }

  /** Whether one may be in a system call that does not return, for which process.exit() would wait. */
  get isHeldUp(): boolean {
    for (const busy of this.#all.values()) if (Atomics.load(busy, 0) !== 0) return true;
    return false;
  }

  /** Ends those that can end. */
  async close(): Promise<void> {
    const ends: Promise<unknown>[] = [];
    for (const [worker, busy] of this.#all) if (Atomics.load(busy, 0) === 0) ends.push(endWorker(worker));
    await Promise.all(ends);
  }
}
