/** An action and when it is due: milliseconds of performance.now(), Infinity for not at all. */
export class Alarm {
  at: number = Number.POSITIVE_INFINITY;
  readonly act: () => void;

  /** `act` is called once each time the alarm is due. The alarm is off by then, and `act` may set it again. */
  constructor(act: () => void) {
    this.act = act;
  }

  /** Makes the alarm due at `at`, unless it is due sooner. */
  noLaterThan(at: number): void {
    this.at = Math.min(this.at, at);
  }
}

/** The alarms of a thread without an event loop. They are few: the next one is found by comparing all. */
export class Alarms {
  readonly #all: Alarm[] = [];

  make(act: () => void): Alarm {
    const alarm = new Alarm(act);
    this.#all.push(alarm);
    return alarm;
  }

  /** Milliseconds from `now` until the next alarm, negative when it is overdue; Infinity for none. */
  until(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { at } of this.#all) next = Math.min(next, at);
    return next - now;
  }

  /** Runs the alarms that are due at `now`. */
  run(now: number): void {
    for (const alarm of this.#all) {
      if (alarm.at > now) continue;
      alarm.at = Number.POSITIVE_INFINITY;
      alarm.act();
    }
  }
}
