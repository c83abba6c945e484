import type { Errno } from "../../core/base/errno.ts";

/** After how long it is tried again, milliseconds: a child that has not called yet is known soon, a tracer may stay for hours. */
const PAUSES_MS = [50, 100, 200, 500, 1000, 3000, 10_000, 30_000];

/** A process that could not be enrolled, until it is tried again. */
export class Waiting {
  readonly uid: number;
  readonly error: Errno;
  /** How often it has been tried. */
  readonly tries: number;
  readonly #timer: NodeJS.Timeout;

  constructor(uid: number, error: Errno, tries: number, again: () => void) {
    this.uid = uid;
    this.error = error;
    this.tries = tries;
    this.#timer = setTimeout(again, PAUSES_MS[Math.min(tries, PAUSES_MS.length) - 1]);
    this.#timer.unref();
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}
