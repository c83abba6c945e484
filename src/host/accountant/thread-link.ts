import type { MessagePort, Worker } from "node:worker_threads";
import { Errno } from "../../core/base/errno.ts";
import { Parked } from "../../core/vfs/parked.ts";
import { Bell } from "../linux/bell.ts";
import { libcExit } from "../linux/ffi/libc.ts";
import { startWorker } from "../linux/worker.ts";
import { ProcessReaderPool } from "./process-reader-pool.ts";
import type { Arguments, Message, Method, Report, Result, ThreadData } from "./requests.ts";

const SCRIPT = new URL("./accountant-thread.js", import.meta.url);
/** The thread ends at once when it is told to. If it has not after this time that is a defect, and this process exits. */
const END_MS = 2000;

export interface LinkOwner {
  /** No process is left under the filter of that listener. */
  ended(number: number): void;
  print(line: string): void;
  /** A block of history. */
  history(block: Uint8Array): void;
  /** The thread has died of an error of its own: the accounts are lost. */
  died(error: Error): void;
}

/** The main thread's link to the accountant's thread. A request is a message; a bell announces it, since that thread has no event loop. */
export class ThreadLink {
  /** Resolves when the thread has restored the accounts. Rejects where it cannot begin; then the thread ends by itself. */
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #bell: Bell;
  readonly #readers = new ProcessReaderPool();
  readonly #pending = new Map<number, Parked<unknown>>();
  readonly #exited: Promise<void>;
  #nextId = 1;
  #isOver = false;
  /** Why it cannot begin. */
  #refusal: Errno | undefined;

  constructor(data: Omit<ThreadData, "bell">, owner: LinkOwner) {
    this.#bell = Bell.make();
    const workerData: ThreadData = { ...data, bell: this.#bell.fd };
    // The thread does not get the flags of this process, such as those of a test runner.
    this.#worker = startWorker(SCRIPT, workerData, { execArgv: [] });
    let settle: { resolve(): void; reject(error: Error): void };
    this.ready = new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
    // The rejection is handled by whoever waits for `ready`.
    this.ready.catch(() => {});
    this.#worker.on("message", (report: Report) => {
      if (report.kind === "ready") settle.resolve();
      else if (report.kind === "ended") owner.ended(report.number);
      else if (report.kind === "print") owner.print(report.line);
      else if (report.kind === "history") owner.history(report.block);
      else if (report.kind === "needReader") this.#startReader();
      else if (report.kind === "done") this.#take(report.id)?.settle(report.value);
      else {
        const error = new Errno(report.code, report.reason);
        if (report.id === 0) {
          this.#refusal = error;
          settle.reject(error);
        }
        this.#take(report.id)?.fail(error);
      }
    });
    this.#worker.on("error", (error: Error) => {
      settle.reject(error);
      this.#isOver = true;
      owner.died(error);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.once("exit", () => {
        process.off("exit", this.#endAtOnce);
        this.#isOver = true;
        settle.reject(new Errno("EIO", "the accountant's thread has ended"));
        for (const id of [...this.#pending.keys()]) this.#take(id)?.fail(this.#gone());
        // A reader thread may still ring: the bell's number must not become that of another descriptor before.
        void this.#readers.close().then(() => {
          if (!this.#readers.isHeldUp) this.#bell.close();
          resolve();
        });
      });
    });
    // The thread waits in a system call, for which process.exit() would wait.
    process.on("exit", this.#endAtOnce);
    this.#worker.unref();
  }

  readonly #endAtOnce = (status: number): void => {
    this.#send("end");
    if (this.#readers.isHeldUp) libcExit(status);
  };

  #startReader(): void {
    const port = this.#isOver ? undefined : this.#readers.start(this.#bell.fd);
    if (port) this.#send({ reader: port }, [port]);
  }

  #gone(): Errno {
    if (this.#refusal) return this.#refusal;
    return new Errno("EIO", "the accounts are gone: their thread has ended; the server's log says why");
  }

  #take(id: number): Parked<unknown> | undefined {
    const found = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#worker.unref();
    return found;
  }

  #send(message: Message, transfer: MessagePort[] = []): void {
    if (this.#isOver) return;
    this.#worker.postMessage(message, transfer);
    this.#bell.ring();
  }

  /**
   * Sends a request. The outcome is what the method returns in the thread, or fails with. An interrupt drops the result. EIO: the thread is
   * gone.
   */
  ask<M extends Method>(method: M, ...args: Arguments<M>): Parked<Result<M>> {
    const id = this.#nextId++;
    const parked = new Parked<unknown>(() => void this.#take(id));
    if (this.#isOver) parked.fail(this.#gone());
    else {
      this.#pending.set(id, parked);
      // This process is to run until the answer is there.
      this.#worker.ref();
      this.#send({ id, method, args });
    }
    return parked as Parked<Result<M>>;
  }

  /** Ends the thread; resolves when it has ended. */
  async close(): Promise<void> {
    this.#send("end");
    this.#worker.ref();
    const timer = setTimeout(() => libcExit(1), END_MS);
    await this.#exited;
    clearTimeout(timer);
  }
}
