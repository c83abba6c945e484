import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const WORKER = fileURLToPath(new URL("worker.mjs", import.meta.url));

/** A machine that has others to run as well may take so many times as long. */
const PATIENCE = 10;

/** Processor time that the tests in process `pid` have had: milliseconds. Infinity: it has ended. */
function ranMs(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "latin1").split(" ", 1)[0]) / 1e6;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** One worker, replaced when it has not answered in time: of a processor, since a mutant is judged by what it does and not by the machine. */
export class Worker {
  #args;
  #child;

  constructor(root, files) {
    this.#args = [root, ...files];
  }

  /** Starts the process; `mutant`, if any, is on from the beginning. The answer: what has gone wrong, or undefined. */
  async start(mutant) {
    this.stop();
    const env = { ...process.env, LYONNAIS_RUNS: process.env.LYONNAIS_RUNS ?? "60" };
    if (mutant !== undefined) env.__STRYKER_ACTIVE_MUTANT__ = mutant;
    this.#child = fork(WORKER, this.#args, { env, stdio: ["ignore", "ignore", "ignore", "ipc"] });
    const answer = await this.#answer(30_000);
    return answer?.ready ? undefined : (answer?.error ?? "does not start");
  }

  /** The answer to a request; undefined when there is none in time, or the process has ended. */
  async ask(request, ms) {
    // It may have ended after its last answer.
    if (!this.#child?.connected) await this.start();
    this.#child.send(request);
    return this.#answer(ms);
  }

  async #answer(ms) {
    const child = this.#child;
    const until = ranMs(child.pid) + ms;
    for (let i = 0; i < PATIENCE; i++) {
      const answer = await this.#answerWithin(ms);
      if (answer !== undefined) return answer.message;
      if (ranMs(child.pid) >= until) break;
    }
    this.stop();
    return undefined;
  }

  /** The message, undefined if the process has ended without one; nothing at all where the time is over. */
  async #answerWithin(ms) {
    const child = this.#child;
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), ms);
    const { signal } = over;
    try {
      const [message] = await Promise.race([
        once(child, "message", { signal }),
        once(child, "exit", { signal }).then(() => []),
      ]);
      if (!message) this.stop();
      return { message };
    } catch (error) {
      if (error.name !== "AbortError") throw error;
      return undefined;
    } finally {
      clearTimeout(timer);
      over.abort();
    }
  }

  stop() {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }
}
