import { SIGTRAP } from "../abi/signal.ts";
import { invariant } from "../base/assert.ts";
import type { Tid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import type { CodePort, Patch } from "./code-port.ts";
import type { Stop } from "./stop.ts";
import type { Thread } from "./thread-set.ts";

/** What somebody asks for. */
export interface BreakRequest {
  readonly address: number;
  /** Where it is, in the words in which it was asked for. */
  readonly asked: string;
  /** Only this thread stops there. */
  readonly thread?: Tid | undefined;
  /** Only while this register has this value. */
  readonly condition?: { readonly register: string; readonly value: bigint } | undefined;
}

/** A row of the table of breakpoints. */
export interface Breakpoint extends BreakRequest {
  /** Given once in the life of the table. */
  readonly number: number;
  readonly kind: "break";
  /** How often somebody was told that a thread has come there. */
  readonly hits: number;
  /** At the last look there was no memory that could be changed. */
  readonly missing: boolean;
}

type Row = { -readonly [K in keyof Breakpoint]: Breakpoint[K] };

/** A thread that stands on a breakpoint, the instruction there still before it. */
export interface Hit {
  readonly address: number;
  /** The breakpoints that it has stopped for; none where the condition of none holds. */
  readonly rows: readonly Breakpoint[];
  /** There is nothing to tell, any more: it goes on behind the breakpoint. */
  told: boolean;
}

/**
 * The breakpoints of one process, and whether they are in its memory: only while it runs. Owned by its machine, which says when
 * that is.
 */
export class Breakpoints {
  readonly #code: CodePort;
  #rows: Row[] = [];
  #next = 1;
  /** In memory now. */
  #planted: readonly Patch[] = [];
  #isPlanted = false;
  /** Where they were in memory last: traps may still be told that were raised then. */
  #places: ReadonlyMap<number, Patch> = new Map();
  #isBusy = false;

  constructor(code: CodePort) {
    this.#code = code;
  }

  get any(): boolean {
    return this.#rows.length > 0;
  }

  get rows(): readonly Breakpoint[] {
    return this.#rows;
  }

  /** None is in memory. */
  get areOut(): boolean {
    return !this.#isPlanted && !this.#isBusy;
  }

  /** What is in memory now. */
  get planted(): readonly Patch[] {
    return this.#planted;
  }

  add(request: BreakRequest): Breakpoint {
    const row: Row = { ...request, number: this.#next++, kind: "break", hits: 0, missing: false };
    this.#rows.push(row);
    return row;
  }

  /** ENOENT. */
  clear(which: number | "all"): void {
    if (which !== "all" && !this.#rows.some(({ number }) => number === which))
      throw new Errno("ENOENT", `there is no breakpoint ${which}; see the file breaks`);
    this.#rows = which === "all" ? [] : this.#rows.filter(({ number }) => number !== which);
  }

  /** Whether there is one at this address. */
  isAt(address: number | undefined): boolean {
    return this.#rows.some((row) => row.address === address);
  }

  /** How a thread gets off this breakpoint: one that is a system call may block, so the thread has only to begin it. */
  wayOff(address: number): "off" | "call" {
    return this.#places.get(address)?.isCall ? "call" : "off";
  }

  /** Whether what a thread has stopped for is still to be told. */
  isNews(hit: Hit | undefined): hit is Hit {
    return hit !== undefined && !hit.told && hit.rows.some((row) => this.#rows.includes(row as Row));
  }

  /** Of news, the breakpoint that is told. */
  firstOf({ rows }: Hit): Breakpoint {
    const first = this.#rows.find((row) => rows.includes(row));
    invariant(first, "trace/breakpoints firstOf: not news");
    return first;
  }

  /** The same, which is told now. */
  tell(hit: Hit): Breakpoint {
    hit.told = true;
    for (const row of this.#rows) if (hit.rows.includes(row)) row.hits++;
    return this.firstOf(hit);
  }

  /** A fresh stop as it is, or that of a breakpoint, if its trap is what the signal reports: then the thread stands before the instruction again. */
  classify(thread: Thread, stop: Stop): Stop {
    if (stop.kind !== "signal" || stop.signal !== SIGTRAP || this.#places.size === 0) return stop;
    const { tid } = thread;
    const address = this.#code.trapped(tid);
    if (address === undefined || !this.#places.has(address)) return stop;
    this.#code.setCounter(tid, address);
    const rows = this.#rows.filter((row) => row.address === address && this.#holds(row, tid));
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
    return condition === undefined || this.#code.register(tid, condition.register) === condition.value;
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
      this.#isPlanted = plant;
      this.#planted = planted;
      if (isLate) again();
    };
    if (plant) this.#plant(done);
    else this.#code.restore(this.#planted, () => done([]));
    isLate = true;
    return !this.#isBusy;
  }

  #plant(done: (planted: readonly Patch[]) => void): void {
    const wanted = new Set(this.#rows.map(({ address }) => address));
    this.#code.plant([...wanted], (planted) => {
      this.#places = new Map(planted.map((patch) => [patch.address, patch]));
      for (const row of this.#rows) row.missing = !this.#places.has(row.address);
      done(planted);
    });
  }

  /** The process executes another program. */
  forget(): void {
    this.#rows = [];
    this.#planted = [];
    this.#places = new Map();
    this.#isPlanted = false;
    this.#code.forget();
  }
}
