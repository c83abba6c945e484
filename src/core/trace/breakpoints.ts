import { SIGTRAP } from "../abi/signal.ts";
import type { Tid } from "../base/brand.ts";
import type { BreakTable, Row } from "./break-table.ts";
import type { CodePort, Patch } from "./code-port.ts";
import type { Stop } from "./stop.ts";
import type { Thread } from "./thread-set.ts";

/**
 * The breakpoints of a process that are instructions, and whether they are in its memory: only while it runs. Owned by its machine, which says when
 * that is.
 */
export class Breakpoints {
  readonly #code: CodePort;
  readonly #table: BreakTable;
  /** In memory now. */
  #planted: readonly Patch[] = [];
  #isPlanted = false;
  /** Where they were in memory last: traps may still be told that were raised then. */
  #places: ReadonlyMap<number, Patch> = new Map();
  #isBusy = false;
  /** Where they are being put in or taken out. */
  #changing: readonly number[] = [];

  constructor(code: CodePort, table: BreakTable) {
    this.#code = code;
    this.#table = table;
  }

  get any(): boolean {
    return this.#table.all.some(isPlanted);
  }

  /** None is in memory. */
  get areOut(): boolean {
    return !this.#isPlanted && !this.#isBusy;
  }

  /** What is in memory now. */
  get planted(): readonly Patch[] {
    return this.#planted;
  }

  /** Where they are being put in or taken out in this moment. */
  get changing(): readonly number[] {
    return this.#changing;
  }

  /** Whether there is one at this address. */
  isAt(address: number | undefined): boolean {
    return this.#table.all.some((row) => isPlanted(row) && row.address === address);
  }

  /** How a thread gets off this breakpoint: one that is a system call may block, so the thread has only to begin it. */
  wayOff(address: number): "off" | "call" {
    const place = this.#places.get(address);
    // One that was never in memory yet is known by what was there when it was asked for.
    const isCall = place ? place.isCall : this.#table.all.some((row) => row.address === address && row.isCall === true);
    return isCall ? "call" : "off";
  }

  /** A fresh stop as it is, or that of a breakpoint, if its trap is what the signal reports: then the thread stands before the instruction again. */
  classify(thread: Thread, stop: Stop): Stop {
    if (stop.kind !== "signal" || stop.signal !== SIGTRAP || this.#places.size === 0) return stop;
    const { tid } = thread;
    const address = this.#code.trapped(tid);
    if (address === undefined || !this.#places.has(address)) return stop;
    this.#code.setCounter(tid, address);
    const rows = this.#table.all.filter((row) => isPlanted(row) && row.address === address && this.#holds(row, tid));
    thread.hit = { address, rows, told: rows.length === 0 };
    return { kind: "break" };
  }

  /** Whether a stopped thread may have executed a breakpoint instruction of ours, whose trap is still to come. */
  mayHaveTrapped(tid: Tid): boolean {
    if (this.#places.size === 0) return false;
    const address = this.#code.before(tid);
    return address !== undefined && this.#places.has(address);
  }

  #holds({ thread, condition }: Row, tid: Tid): boolean {
    if (thread !== undefined && thread !== tid) return false;
    if (condition === undefined) return true;
    const value = this.#code.register(tid, condition.register);
    return value === condition.value || (condition.orMore === true && value !== undefined && value > condition.value);
  }

  /**
   * Whether the breakpoints are in memory, or out of it, as is wanted. Else false: it is being done, which takes its time, and
   * `again` is called in the end. Every thread is stopped where they are wanted in memory.
   */
  are(wanted: "in" | "out", again: () => void): boolean {
    if (this.#isBusy) return false;
    const plant = wanted === "in" && this.any;
    if (plant === this.#isPlanted) return true;
    let isLate = false;
    this.#isBusy = true;
    const done = (planted: readonly Patch[]): void => {
      this.#isBusy = false;
      this.#changing = [];
      this.#isPlanted = plant;
      this.#planted = planted;
      if (isLate) again();
    };
    if (plant) this.#plant(done);
    else this.#restore(done);
    isLate = true;
    return !this.#isBusy;
  }

  #restore(done: (planted: readonly Patch[]) => void): void {
    this.#changing = this.#planted.map(({ address }) => address);
    this.#code.restore(this.#planted, () => done([]));
  }

  #plant(done: (planted: readonly Patch[]) => void): void {
    const rows = this.#table.all.filter(isPlanted);
    const wanted = new Set(rows.map(({ address }) => address));
    this.#changing = [...wanted];
    this.#code.plant(this.#changing, (planted) => {
      this.#places = new Map(planted.map((patch) => [patch.address, patch]));
      for (const row of rows) row.missing = !this.#places.has(row.address);
      done(planted);
    });
  }

  /** The process executes another program. */
  forget(): void {
    this.#planted = [];
    this.#places = new Map();
    this.#isPlanted = false;
    this.#code.forget();
  }
}

/** It is an instruction in memory. */
function isPlanted({ kind }: Row): boolean {
  return kind !== "watch";
}
