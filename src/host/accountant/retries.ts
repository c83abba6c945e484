import { NOT_YET } from "../../core/notify/ports.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import type { MapCache } from "./map-cache.ts";

/** What needs a map that is being read is tried again when it is there; after so long it has to do without. */
const WAIT_MS = 100;

interface Attempt {
  readonly act: () => void;
  readonly until: number;
}

/** Things to be done with maps that may be read elsewhere. Each `act` is called until it does not throw NOT_YET. */
export class Retries {
  readonly #maps: MapCache;
  readonly #alarm: Alarm;
  #waiting: Attempt[] = [];

  constructor(maps: MapCache, alarms: Alarms) {
    this.#maps = maps;
    this.#alarm = alarms.make(() => this.again());
  }

  /** `act` handles its own errors. */
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

  /** A map has arrived. */
  again(): void {
    for (const attempt of this.#waiting.splice(0)) this.#attempt(attempt);
  }

  get any(): boolean {
    return this.#waiting.length > 0;
  }
}
