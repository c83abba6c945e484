// The global of this name is a getter, which costs as much as the clock.
import { performance } from "node:perf_hooks";
import type { Listener } from "./listener.ts";

/** While others call, a tree is given so many refusals in so many milliseconds at once; the next one waits for the end of that time. */
const AT_ONCE = 4;
const WINDOW_MS = 2;
/** Others call when one of them has within so many milliseconds. */
const LATELY_MS = 10;

interface Window {
  end: number;
  refusals: number;
}

/**
 * How quickly refusals are given. A program at its limit that tries again and again would take half of the thread's time, and a processor:
 * it may do so only while nobody else is served. Times are milliseconds of performance.now().
 */
export class RefusalPace {
  readonly #now: () => number;
  readonly #windows = new WeakMap<Listener, Window>();
  /** Who has called last, and when somebody else did. */
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

  /** A call of that listener is refused: when it is to be told so, 0 for now. */
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
