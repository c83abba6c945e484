import type { MessagePort, Worker } from "node:worker_threads";
import { Errno } from "../../core/base/errno.ts";
import { Parked } from "../../core/vfs/parked.ts";
import { Bell } from "../linux/bell.ts";
import { libcExit } from "../linux/ffi/libc.ts";
import { startWorker } from "../linux/worker.ts";
import { ProcessReaderPool } from "./process-reader-pool.ts";
import type { Arguments, Message, Method, Report, Result, ThreadData } from "./requests.ts";

const SCRIPT = new URL("./accountant-thread.js", import.meta.url);
/** A thread that is told to end has nothing that could keep it; one that does not end by then is in a defect. */
const END_MS = 2000;

export interface LinkOwner {
  /** Nobody is left under the filter of that listener. */
  ended(number: number): void;
  print(line: string): void;
  /** A block of history. */
  history(block: Uint8Array): void;
  /** The thread has died of an error of its own, and with it the accounts. */
  died(error: Error): void;
}

/** The accountant's thread as the main thread sees it: requests go there as messages, announced by a bell, for it has no event loop. */
export class ThreadLink {
  /** Rejects where it cannot begin, and then it ends by itself. Resolves once it has taken over what there was. */
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
    // What this process was started with, a test runner's flags for one, is not the thread's.
    this.#worker = startWorker(SCRIPT, workerData, { execArgv: [] });
    let settle: { resolve(): void; reject(error: Error): void };
    this.ready = new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
    // Whoever waits for it hears of it.
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
        // Before its last reader is gone the bell's number is not to become another descriptor's.
        void this.#readers.close().then(() => {
          if (!this.#readers.isHeldUp) this.#bell.close();
          resolve();
        });
      });
    });
    // It waits in a system call, where process.exit() would wait for it.
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

  /** What the method returns in the thread, or fails with. Interrupted, its result is not waited for any more. */
  ask<M extends Method>(method: M, ...args: Arguments<M>): Parked<Result<M>> {
    const id = this.#nextId++;
    const parked = new Parked<unknown>(() => void this.#take(id));
    if (this.#isOver) parked.fail(this.#gone());
    else {
      this.#pending.set(id, parked);
      // Whoever waits for an answer wants the process to go on until it is there.
      this.#worker.ref();
      this.#send({ id, method, args });
    }
    return parked as Parked<Result<M>>;
  }

  /** Resolves when the thread is no more. */
  async close(): Promise<void> {
    this.#send("end");
    this.#worker.ref();
    const timer = setTimeout(() => libcExit(1), END_MS);
    await this.#exited;
    clearTimeout(timer);
  }
}
