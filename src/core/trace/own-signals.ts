import { SIGCONT } from "../abi/signal.ts";
import type { PtracePort } from "./ptrace-port.ts";
import { attempt, type Thread, type ThreadSet } from "./thread-set.ts";

/** Signals we send the process ourselves, which stop nothing when they are about to be delivered. */
export class OwnSignals {
  readonly #ptrace: PtracePort;
  readonly #threads: ThreadSet;
  /** To be passed on unseen. */
  #passOn = 0;
  /** A SIGCONT that ended a job-control stop, to be dropped. */
  #dropCont = false;

  constructor(ptrace: PtracePort, threads: ThreadSet) {
    this.#ptrace = ptrace;
    this.#threads = threads;
  }

  /** Sends a signal that the process shall get. */
  send(signal: number): void {
    this.#passOn = signal;
    attempt(() => this.#ptrace.kill(signal));
  }

  endJobStop(): void {
    if (!this.#threads.all().some((thread) => thread.stop?.kind === "group")) return;
    this.#dropCont = true;
    attempt(() => this.#ptrace.kill(SIGCONT));
  }

  /** Resumes a thread that stopped for one of ours; false when it did not. */
  takes(thread: Thread, signal: number): boolean {
    const dropped = signal === SIGCONT && this.#dropCont;
    if (!dropped && signal !== this.#passOn) return false;
    if (dropped) this.#dropCont = false;
    else this.#passOn = 0;
    this.#threads.resume(thread, thread.resumed, dropped ? 0 : signal);
    return true;
  }
}
