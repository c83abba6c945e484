import type { Json, Recorder } from "../../src/core/grants/records.ts";

/** Thrown where the daemon is killed. */
const KILLED = new Error("the daemon is killed");

/** A journal that outlives its daemon, which may be killed between any two records. */
export class PaperJournal implements Recorder {
  readonly records = new Map<string, Json>();
  /** So many are still written. */
  #left: number | undefined;

  put(key: string, value: Json): void {
    this.#mayDie();
    this.records.set(key, JSON.parse(JSON.stringify(value, asJson)));
  }

  drop(key: string): void {
    this.#mayDie();
    this.records.delete(key);
  }

  #mayDie(): void {
    if (this.#left === undefined) return;
    if (this.#left === 0) throw KILLED;
    this.#left--;
  }

  /** Does what a daemon does that is killed after so many records. False: it was. */
  survives(records: number | undefined, act: () => void): boolean {
    this.#left = records;
    try {
      act();
      return true;
    } catch (error) {
      if (error !== KILLED) throw error;
      return false;
    } finally {
      this.#left = undefined;
    }
  }
}

/** JSON would say null for other numbers, and leave out what is undefined. */
function asJson(name: string, value: unknown): unknown {
  if (value === undefined || (typeof value === "number" && !Number.isFinite(value)))
    throw new Error(`${name} is ${value}`);
  return value;
}
