import { Parked } from "../../core/vfs/parked.ts";

/** Who waits for a process to be let go, or gone. */
export class Freed {
  readonly #waiting = new Set<() => void>();

  /** Something has been let go. */
  tell(): void {
    for (const told of [...this.#waiting]) told();
  }

  /** Settles when, after something has been let go, `isFree`. */
  until(isFree: () => boolean): Parked<void> {
    const free = new Parked<void>(() => this.#waiting.delete(told));
    const told = (): void => {
      if (!isFree()) return;
      this.#waiting.delete(told);
      free.settle();
    };
    this.#waiting.add(told);
    return free;
  }

  /** The same, or after `limitMs`. */
  untilAtMost(isSo: () => boolean, limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      const settled = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.until(isSo).listen({ settled, failed: () => {} });
    });
  }
}
