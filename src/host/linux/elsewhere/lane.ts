import { MessageChannel, type MessagePort, type Worker } from "node:worker_threads";
import { stateOf } from "../../../core/abi/text/status.ts";
import { type ErrnoName, isErrno } from "../../../core/base/errno.ts";
import { promptText } from "../proc-file.ts";
import { endWorker, startWorker } from "../worker.ts";
import { READY } from "./kit.ts";

export interface Order {
  readonly name: string;
  readonly args: unknown;
}

/** The result of a job: its value, an {@link Errno}, or the stack of an unexpected exception. */
export type Answer =
  | { readonly value: unknown }
  | { readonly code: ErrnoName; readonly reason: string }
  | { readonly bug: string };

/** A thread that does one job at a time. While it has one, Node's event loop stays alive. */
export class Lane {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  /** How many jobs were ever sent, how many the thread has begun, and its tid. */
  readonly #counts: Int32Array;
  #answered: ((answer: Answer) => void) | undefined;
  /** When it got its last job: milliseconds of performance.now(). */
  lastUsed = 0;

  /**
   * `program` calls `serveJobs`; `ready` is told when it does, `broken` when the thread itself has ended, which no job should make it
   * do. EAGAIN where no thread can be started.
   */
  constructor(program: URL, ready: () => void, broken: (error: Error) => void) {
    const wake = new SharedArrayBuffer(12);
    const { port1, port2 } = new MessageChannel();
    this.#counts = new Int32Array(wake);
    this.#port = port1;
    this.#port.on("message", (answer: Answer | typeof READY) => {
      if (answer === READY) ready();
      else this.#take(answer);
    });
    this.#port.unref();
    const options = { transferList: [port2], resourceLimits: { maxYoungGenerationSizeMb: 2 } };
    try {
      this.#worker = startWorker(program, { port: port2, wake }, options);
    } catch (error) {
      port1.close();
      throw error;
    }
    this.#worker.unref();
    this.#worker.on("error", (error) => {
      broken(error);
      this.#take({ bug: String(error.stack) });
    });
  }

  get busy(): boolean {
    return this.#answered !== undefined;
  }

  /** Whether the thread has begun its job, in which it may block. Otherwise it has not got a processor yet. */
  get begun(): boolean {
    return Atomics.load(this.#counts, 1) === this.#counts[0];
  }

  /** Whether the thread is running or in the run queue; otherwise it sleeps. */
  get atWork(): boolean {
    try {
      return stateOf(promptText(process.pid, "status", this.#counts[2])) === "R";
    } catch (error) {
      if (!isErrno(error)) throw error;
      return false;
    }
  }

  do({ name, args }: Order, answered: (answer: Answer) => void): void {
    this.#answered = answered;
    this.lastUsed = performance.now();
    this.#port.ref();
    this.#port.postMessage({ name, args });
    Atomics.add(this.#counts, 0, 1);
    Atomics.notify(this.#counts, 0);
  }

  /** Ends the thread. A thread that waits in the kernel ends with the process, and does not keep that alive any more. */
  end(): void {
    if (this.busy) this.#port.unref();
    else void endWorker(this.#worker);
  }

  #take(answer: Answer): void {
    const answered = this.#answered;
    this.#answered = undefined;
    this.#port.unref();
    answered?.(answer);
  }
}
