import { NOT_YET } from "../../core/notify/ports.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import type { Looks } from "./looks.ts";

/** What needs a map that is being read is tried again when it is there; after so long it has to do without. */
const WAIT_MS = 100;

interface Attempt {
  readonly act: () => void;
  readonly until: number;
}

/** Things to be done with maps that may be read elsewhere. Each `act` is called until it does not throw NOT_YET. */
export class Retries {
  readonly #looks: Looks;
  readonly #alarm: Alarm;
  #waiting: Attempt[] = [];

  constructor(looks: Looks, alarms: Alarms) {
    this.#looks = looks;
    this.#alarm = alarms.make(() => this.again());
  }

  /** `act` handles its own errors. */
  try(act: () => void): void {
    this.#attempt({ act, until: performance.now() + WAIT_MS });
  }

  #attempt(attempt: Attempt): void {
    this.#looks.mayWait = performance.now() < attempt.until;
    try {
      attempt.act();
    } catch (error) {
      if (error !== NOT_YET) throw error;
      this.#waiting.push(attempt);
      this.#alarm.noLaterThan(attempt.until);
    } finally {
      this.#looks.mayWait = false;
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
