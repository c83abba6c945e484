/** Something to be done at a time: milliseconds of performance.now(), Infinity for not at all. */
export class Alarm {
  at: number = Number.POSITIVE_INFINITY;
  readonly act: () => void;

  /** `act` may set it again; it is off when it is called. */
  constructor(act: () => void) {
    this.act = act;
  }

  /** Sooner than `at` it stays as it is. */
  noLaterThan(at: number): void {
    this.at = Math.min(this.at, at);
  }
}

/** The alarms of a thread that has no event loop: a handful, so that the next one is found by looking at all. */
export class Alarms {
  readonly #all: Alarm[] = [];

  make(act: () => void): Alarm {
    const alarm = new Alarm(act);
    this.#all.push(alarm);
    return alarm;
  }

  /** Milliseconds from `now` until the next one; Infinity. */
  until(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { at } of this.#all) next = Math.min(next, at);
    return next - now;
  }

  /** Those whose time has come. */
  run(now: number): void {
    for (const alarm of this.#all) {
      if (alarm.at > now) continue;
      alarm.at = Number.POSITIVE_INFINITY;
      alarm.act();
    }
  }
}
