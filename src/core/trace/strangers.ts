import type { WaitStatus } from "../abi/wait.ts";
import type { Tid } from "../base/brand.ts";
import { isErrno } from "../base/errno.ts";
import type { CodePort, Patch } from "./code-port.ts";
import type { PtracePort } from "./ptrace-port.ts";
import { attempt, type ThreadObserver, type ThreadSet } from "./thread-set.ts";

interface Stranger {
  /** Breakpoints that its copy of the memory has. */
  readonly patches: readonly Patch[];
  /** It has the very memory of the process: not let go before there are no breakpoints in it. */
  readonly shares: boolean;
  isStopped: boolean;
}

/** Processes made by clone(2), fork(2) and vfork(2) that the kernel attached like threads: let go at their first stop, without breakpoints. */
export class Strangers {
  readonly #ptrace: PtracePort;
  readonly #code: CodePort;
  readonly #observer: ThreadObserver;
  readonly #known = new Map<Tid, Stranger>();

  constructor(ptrace: PtracePort, code: CodePort, observer: ThreadObserver) {
    this.#ptrace = ptrace;
    this.#code = code;
    this.#observer = observer;
  }

  has(tid: Tid): boolean {
    return this.#known.has(tid);
  }

  /**
   * Finds out what `maker` has just made: a thread of the process, which stops by itself, or a stranger. `planted` is in the memory
   * that it has a copy of, or `shares`.
   */
  sort(maker: Tid, threads: ThreadSet, planted: readonly Patch[], shares: boolean): void {
    attempt(() => {
      const born = this.#ptrace.eventMessage(maker) as Tid;
      if (threads.has(born)) return;
      if (this.#ptrace.threads().includes(born)) threads.add(born).asked = true;
      else {
        const patches = shares ? [] : planted;
        this.#known.set(born, { patches, shares: shares && planted.length > 0, isStopped: false });
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

  /** `isClean`: the process has no breakpoints in its memory. Killed in this very moment, it stays known until its exit comes. */
  dismiss(tid: Tid, status: WaitStatus, isClean: boolean): void {
    const stranger = this.#known.get(tid);
    if (!stranger || status.kind === "continued") return;
    if (status.kind !== "stopped") {
      this.forget(tid);
      return;
    }
    stranger.isStopped = true;
    if (stranger.shares && !isClean) return;
    this.#clean(tid, stranger.patches);
  }

  /** The breakpoints are out of the memory that some have in common with the process. False while one of them has not stopped yet. */
  dismissSharing(): boolean {
    let all = true;
    for (const [tid, { shares, isStopped }] of [...this.#known]) {
      if (shares && isStopped) this.#letGo(tid);
      else if (shares) all = false;
    }
    return all;
  }

  /** The process has ended with `planted` in its memory, which those that share it have still: taken out there, and all are let go. */
  orphaned(planted: readonly Patch[]): void {
    for (const [tid, stranger] of [...this.#known]) {
      if (!stranger.shares) continue;
      this.#known.set(tid, { ...stranger, patches: planted, shares: false });
      if (stranger.isStopped) this.#clean(tid, planted);
    }
  }

  #clean(tid: Tid, patches: readonly Patch[]): void {
    if (patches.length === 0) this.#letGo(tid);
    else this.#code.restoreIn(tid, patches, () => this.#letGo(tid));
  }

  #letGo(tid: Tid): void {
    try {
      this.#ptrace.detach(tid, 0);
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
      return;
    }
    this.forget(tid);
  }
}
