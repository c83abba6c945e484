// The global of this name is a getter, which costs as much as the clock.
import { performance } from "node:perf_hooks";
import type { Listener } from "./listener.ts";

/** While other trees call, a tree gets AT_ONCE refusals at once within WINDOW_MS; the next one waits until that time is over. */
const AT_ONCE = 4;
const WINDOW_MS = 2;
/** Other trees count as calling for this time after a call of theirs. */
const LATELY_MS = 10;

interface Window {
  end: number;
  refusals: number;
}

/**
 * Paces refusals. A program at its limit that tries again and again would take half of this thread's time, and a processor: it may do so
 * only while no other tree needs to be served. Times are milliseconds of performance.now().
 */
export class RefusalPace {
  readonly #now: () => number;
  readonly #windows = new WeakMap<Listener, Window>();
  /** The listener of the last call, and when a call came from another listener than the one before. */
  #caller: Listener | undefined;
  #othersAt = Number.NEGATIVE_INFINITY;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  called(listener: Listener): void {
    if (listener === this.#caller) return;
    if (this.#caller) this.#othersAt = this.#now();
    this.#caller = listener;
  }

  /** A call of that listener is refused: returns when the refusal is to be given, 0 for now. */
  until(listener: Listener): number {
    const now = this.#now();
    if (now - this.#othersAt > LATELY_MS) return 0;
    const window = this.#windows.get(listener);
    if (!window || now >= window.end) {
      this.#windows.set(listener, { end: now + WINDOW_MS, refusals: 1 });
      return 0;
    }
    return ++window.refusals > AT_ONCE ? window.end : 0;
  }
}
