import type { TrappedCall } from "./notification.ts";
import type { Progress, Targets } from "./ports.ts";
import type { AccountedProcess } from "./process.ts";

/**
 * Processor time after which a call that was let go has begun and shows in the map, which its lock keeps from us until then. A
 * machine that is itself made to wait counts that as time the thread has had.
 */
const BEGUN_NS = 20_000_000;

/** A call that was let go on, and may not have happened yet. */
export class LetGo {
  readonly process: AccountedProcess;
  readonly tid: number;
  readonly #number: number;
  /** Where the thread was when it was first seen running on. */
  #first: Progress | undefined;
  #returned = false;

  constructor(process: AccountedProcess, { tid, number }: TrappedCall) {
    this.process = process;
    this.tid = tid;
    this.#number = number;
  }

  /** The thread makes another call. */
  returned(): void {
    this.#returned = true;
  }

  /** Whether it has happened, or will not: to be asked before what it may have changed is looked at. */
  isOver(targets: Targets, begunNs: number = BEGUN_NS): boolean {
    const progress = this.#returned ? undefined : targets.progress(this.process.pid, this.tid);
    if (!progress) return true;
    if (!progress.running) return progress.call !== this.#number;
    this.#first ??= progress;
    // None of these calls faults before it has changed what it is to change.
    return progress.faults !== this.#first.faults || progress.cpuTime - this.#first.cpuTime >= begunNs;
  }
}
