import { NOT_YET } from "../../core/space/ports.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import type { MapCache } from "./map-cache.ts";

/** After so long an attempt has to do without a map that is still being read. */
const WAIT_MS = 100;

interface Attempt {
  readonly act: () => void;
  /** From then on NOT_YET is not thrown any more: milliseconds of performance.now(). */
  readonly until: number;
}

/** Actions that need maps which may be read on another thread. Each is called again until it does not throw NOT_YET. */
export class Retries {
  readonly #maps: MapCache;
  readonly #alarm: Alarm;
  #waiting: Attempt[] = [];

  constructor(maps: MapCache, alarms: Alarms) {
    this.#maps = maps;
    this.#alarm = alarms.make(() => this.again());
  }

  /** Calls `act` now, and again whenever a map has arrived, until it does not throw NOT_YET. It must throw nothing else. */
  try(act: () => void): void {
    this.#attempt({ act, until: performance.now() + WAIT_MS });
  }

  #attempt(attempt: Attempt): void {
    this.#maps.mayWait = performance.now() < attempt.until;
    try {
      attempt.act();
    } catch (error) {
      if (error !== NOT_YET) throw error;
      this.#waiting.push(attempt);
      this.#alarm.noLaterThan(attempt.until);
    } finally {
      this.#maps.mayWait = false;
    }
  }

  /** Tries all again: a map has arrived, or the time of an attempt is over. */
  again(): void {
    for (const attempt of this.#waiting.splice(0)) this.#attempt(attempt);
  }

  /** Whether an action is still to be done. */
  get any(): boolean {
    return this.#waiting.length > 0;
  }
}
