import type { Worker } from "node:worker_threads";
import type { LiveProcess } from "../linux/live-process.ts";
import { endWorker, startWorker } from "../linux/worker.ts";
import { WATCH } from "./seize-watch-facts.ts";

/**
 * Watches the one call of this thread that can wait for a process: PTRACE_SEIZE. Another thread collects those of our tracees that an
 * exec of the process waits for, which nobody else can; and where that does not help it ends the server, for which a
 * successor stands in. The successor finds the culprit in `record`.
 */
export class SeizeWatch {
  readonly #record: string | undefined;
  readonly #state = new Int32Array(new SharedArrayBuffer(WATCH.words * 4));
  readonly #life = new BigInt64Array(new SharedArrayBuffer(8));
  #worker: Worker | undefined;

  /** `record` is the path of the file that names the process which held the server up. */
  constructor(record: string | undefined) {
    this.#record = record;
  }

  /** Makes one call that may wait for `process`. */
  during<T>({ pid, life }: LiveProcess, act: () => T): T {
    this.#worker ??= this.#start();
    Atomics.store(this.#state, WATCH.pid, pid);
    Atomics.store(this.#life, 0, BigInt(life));
    Atomics.add(this.#state, WATCH.turn, 1);
    Atomics.notify(this.#state, WATCH.turn);
    try {
      return act();
    } finally {
      Atomics.add(this.#state, WATCH.turn, 1);
    }
  }

  close(): void {
    if (this.#worker) void endWorker(this.#worker);
    this.#worker = undefined;
  }

  #start(): Worker {
    const program = new URL("./seize-watch-thread.js", import.meta.url);
    const data = { state: this.#state.buffer, life: this.#life.buffer, record: this.#record };
    const worker = startWorker(program, data, { resourceLimits: { maxYoungGenerationSizeMb: 2 } });
    worker.unref();
    return worker;
  }
}
