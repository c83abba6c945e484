import type { WaitStatus } from "../abi/wait.ts";
import type { Tid } from "../base/brand.ts";
import { isErrno } from "../base/errno.ts";
import type { PtracePort } from "./ptrace-port.ts";
import { attempt, type ThreadObserver, type ThreadSet } from "./thread-set.ts";

/** Processes made by clone(2) that the kernel attached like threads: let go at their first stop. */
export class Strangers {
  readonly #ptrace: PtracePort;
  readonly #observer: ThreadObserver;
  readonly #known = new Set<Tid>();

  constructor(ptrace: PtracePort, observer: ThreadObserver) {
    this.#ptrace = ptrace;
    this.#observer = observer;
  }

  has(tid: Tid): boolean {
    return this.#known.has(tid);
  }

  /** Finds out what `maker` has just made: a thread of the process, which stops by itself, or a stranger. */
  sort(maker: Tid, threads: ThreadSet): void {
    attempt(() => {
      const born = this.#ptrace.eventMessage(maker) as Tid;
      if (threads.has(born)) return;
      if (this.#ptrace.threads().includes(born)) threads.add(born).asked = true;
      else {
        this.#known.add(born);
        this.#observer.traces(born);
      }
    });
  }

  /** False when it was none. */
  forget(tid: Tid): boolean {
    if (!this.#known.delete(tid)) return false;
    this.#observer.untraces(tid);
    return true;
  }

  /** Killed in this very moment, it stays known until its exit comes. */
  dismiss(tid: Tid, status: WaitStatus): void {
    if (status.kind === "continued") return;
    try {
      if (status.kind === "stopped") this.#ptrace.detach(tid, 0);
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
      return;
    }
    this.forget(tid);
  }
}
