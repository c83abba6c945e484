import type { Worker } from "node:worker_threads";
import { Errno } from "../../core/base/errno.ts";
import { libcExit } from "./ffi/libc.ts";
import { FAILED, GONE, type LifeReaderData, WORDS } from "./life-reader-facts.ts";
import { endWorker, startWorker } from "./worker.ts";

/** How long the main thread waits at most for one process; and for a thread that is starting, or gets no processor. */
const PATIENCE_MS = 50;
const START_MS = 2000;
/** For how long a process that has blocked the main thread is not read again. */
const AVOIDED_MS = 5000;
/** How many threads may be held up by processes: those of one owner, and in all. */
const MOST_STUCK_PER_OWNER = 2;
const MOST_STUCK = 16;

interface Thread extends LifeReaderData {
  readonly worker: Worker;
}

/**
 * Reads the start times of other users' processes, for kernels before Linux 6.9, which give a process no other unique number. A read of the
 * stat file may block, so a thread does it, and the caller waits {@link PATIENCE_MS} at most. A thread that is blocked longer is left to
 * its process.
 */
export class LifeReader {
  #thread: Thread | undefined;
  /** The held up threads, each with the owner of the process that blocks it. */
  readonly #stuck = new Map<Thread, number>();
  readonly #avoided = new Map<number, number>();

  /** Start time of the process that has this pid, in ticks; `owner` is its uid. ESRCH; EAGAIN where it does not answer. */
  startTicks(pid: number, owner: number): number {
    this.#refuse(pid, owner);
    this.#thread ??= this.#start();
    const thread = this.#thread;
    const { words, result } = thread;
    const begin = performance.now();
    const turn = Atomics.load(words, WORDS.wanted) + 1;
    Atomics.store(words, WORDS.pid, pid);
    Atomics.store(words, WORDS.wanted, turn);
    Atomics.notify(words, WORDS.wanted);
    let hasBegun = false;
    while (Atomics.wait(words, WORDS.done, turn - 1, PATIENCE_MS) === "timed-out") {
      // The thread has had a processor for all of that time; otherwise the machine is too busy, and the process is not to blame.
      if (!hasBegun && performance.now() - begin < START_MS) {
        hasBegun = Atomics.load(words, WORDS.begun) === turn;
        continue;
      }
      this.#thread = undefined;
      this.#stuck.set(thread, owner);
      this.#avoided.set(pid, performance.now() + AVOIDED_MS);
      throw this.#unanswered(pid);
    }
    if (result[0] === GONE) throw new Errno("ESRCH", `process ${pid} has exited`);
    if (result[0] === FAILED) throw new Errno("EAGAIN", `process ${pid} could not be read; try again later`);
    return result[0]!;
  }

  close(): void {
    process.off("exit", this.#leave);
    if (this.#thread) void endWorker(this.#thread.worker);
    this.#thread = undefined;
  }

  #unanswered(pid: number): Errno {
    return new Errno("EAGAIN", `process ${pid} does not answer: it is inside exec; try again later`);
  }

  #refuse(pid: number, owner: number): void {
    const now = performance.now();
    for (const [other, until] of this.#avoided) if (until <= now) this.#avoided.delete(other);
    if (this.#avoided.has(pid)) throw this.#unanswered(pid);
    for (const thread of this.#stuck.keys()) {
      if (Atomics.load(thread.words, WORDS.done) !== Atomics.load(thread.words, WORDS.wanted)) continue;
      this.#stuck.delete(thread);
      void endWorker(thread.worker);
    }
    const ofOwner = [...this.#stuck.values()].filter((other) => other === owner).length;
    if (ofOwner >= MOST_STUCK_PER_OWNER)
      throw new Errno("EAGAIN", `${ofOwner} processes of uid ${owner} inside exec do not answer; try again later`);
    if (this.#stuck.size >= MOST_STUCK)
      throw new Errno("EAGAIN", `${MOST_STUCK} processes inside exec do not answer; try again later`);
  }

  #start(): Thread {
    const words = new Int32Array(new SharedArrayBuffer(4 * WORDS.count));
    const result = new Float64Array(new SharedArrayBuffer(8));
    const data: LifeReaderData = { words, result };
    const program = new URL("./life-reader-thread.js", import.meta.url);
    const worker = startWorker(program, data, { resourceLimits: { maxYoungGenerationSizeMb: 1 } });
    worker.unref();
    const thread: Thread = { worker, words, result };
    worker.on("error", () => {
      if (this.#thread === thread) this.#thread = undefined;
      this.#stuck.delete(thread);
    });
    if (Atomics.wait(words, WORDS.ready, 0, START_MS) === "timed-out") {
      void endWorker(worker);
      throw new Errno("EAGAIN", "the thread that looks at processes did not start in time");
    }
    process.off("exit", this.#leave);
    process.on("exit", this.#leave);
    return thread;
  }

  /** process.exit() would wait for a thread that waits in the kernel. */
  readonly #leave = (status: number): void => {
    if (this.#stuck.size > 0) libcExit(status);
  };
}
