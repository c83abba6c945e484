import type { Tid } from "../base/brand.ts";
import type { Breakpoints } from "./breakpoints.ts";
import type { CodePort } from "./code-port.ts";
import type { Thread, ThreadSet } from "./thread-set.ts";

/**
 * The threads of a running process that stand on breakpoints they have been told of. Each executes the instruction there alone, the
 * breakpoints being out of memory, while all others are held: so nobody misses one. All are held, too, while a thread has made a
 * child that has its memory.
 */
export class SteppingOff {
  readonly #threads: ThreadSet;
  readonly #breaks: Breakpoints;
  readonly #code: CodePort;
  readonly #waiting = new Set<Tid>();
  /** They wait for a child that has the memory of the process. */
  readonly #vforked = new Set<Tid>();
  #isHolding = false;

  constructor(threads: ThreadSet, breaks: Breakpoints, code: CodePort) {
    this.#threads = threads;
    this.#breaks = breaks;
    this.#code = code;
  }

  /** Threads that stop are to be held, until {@link resumeAll}. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  get waitForChildren(): boolean {
    return this.#vforked.size > 0;
  }

  get next(): Tid | undefined {
    for (const tid of this.#waiting) return tid;
    return undefined;
  }

  /** A stopped process is about to run. Its controller was shown where `current` stands. */
  begin(current: Tid): void {
    this.#isHolding = true;
    this.#waiting.clear();
    if (!this.#breaks.any) return;
    for (const thread of this.#threads.all()) {
      const isShown = thread.tid === current || thread.hit?.told === true;
      if (isShown && this.standsOnOne(thread)) this.#waiting.add(thread.tid);
      else thread.hit = undefined;
    }
  }

  /** Whether a breakpoint is where the thread stands: noted, it goes on behind that. */
  standsOnOne(thread: Thread): boolean {
    if (!this.#breaks.any) return false;
    const address = this.#code.counter(thread.tid);
    if (address === undefined || !this.#breaks.isAt(address)) return false;
    thread.hit = { address, rows: [], told: true };
    return true;
  }

  /** What a fresh stop says about the thread's way. */
  stopped(thread: Thread): void {
    const { tid, stop, hit } = thread;
    switch (stop?.kind) {
      case "step":
      case "off":
      case "call":
      case "syscall":
        this.#waiting.delete(tid);
        if (hit?.told) thread.hit = undefined;
        if (stop.kind === "step" && this.#breaks.any) this.standsOnOne(thread);
        return;
      case "break":
        // Its breakpoint's condition does not hold: nobody is told.
        if (hit?.told) this.#waiting.add(tid);
        if (hit?.told) this.#isHolding = true;
        return;
      case "vfork":
        if (this.#breaks.planted.length === 0) return;
        this.#vforked.add(tid);
        this.#isHolding = true;
        return;
      case "vforked":
        this.#vforked.delete(tid);
        return;
    }
  }

  lost(tid: Tid): void {
    this.#waiting.delete(tid);
    this.#vforked.delete(tid);
  }

  /** The process executes another program. */
  forget(): void {
    this.#waiting.clear();
    this.#vforked.clear();
    this.#isHolding = false;
  }

  /** Stops those that run, but for one that is on its way off a breakpoint. */
  hold(): void {
    for (const thread of this.#threads.all()) {
      const isOnItsWay = thread.resumed === "off" || thread.resumed === "call" || this.#vforked.has(thread.tid);
      if (!thread.stop && !isOnItsWay) this.#threads.interrupt(thread);
    }
  }

  /** Begins to get the next one off. False when none is left. */
  stepNext(): boolean {
    const { next } = this;
    if (next === undefined) return false;
    const thread = this.#threads.get(next);
    this.#threads.resume(thread, this.#breaks.wayOff(thread.hit?.address ?? 0), 0);
    return true;
  }

  /** All go on; where a child has their memory only those that wait for it. */
  resumeAll(): void {
    const { waitForChildren } = this;
    this.#isHolding = waitForChildren;
    for (const thread of this.#threads.all()) {
      if (waitForChildren && !this.#vforked.has(thread.tid)) continue;
      const signal = thread.inject;
      thread.inject = 0;
      this.#threads.resume(thread, "run", signal);
    }
  }
}
