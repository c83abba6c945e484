import { Charge } from "../charges/charge.ts";
import type { SwapLedger } from "../charges/swap-ledger.ts";
import type { UidInfo } from "../charges/uidinfo.ts";
import { DataSegment } from "./data-segment.ts";
import { ForeignMemory } from "./foreign-memory.ts";
import type { Job } from "./job.ts";
import type { Vma } from "./ports.ts";
import { type Foreign, isHidden, outside, sum, within } from "./ranges.ts";

/**
 * What one address space has reserved, and who pays. Between two reads of the kernel's map it is an upper bound: each granted call adds its
 * pages, and an munmap is not known before the next read. Every change goes to the ledger, the payer and the job at once. A space belongs
 * to the processes in {@link pids}; `Population` releases it when the last of them leaves it.
 */
export class Space {
  readonly #ledger: SwapLedger;
  #job: Job;
  /** The charge of {@link payer}. */
  #own: Charge;
  /** The charges of earlier payers, by range. */
  readonly #foreign: ForeignMemory;
  /** Where the heap is, and how much of it is charged. */
  readonly heap: DataSegment;
  /** Pages of the stack when the map was last read: a stack grows by page faults, which no grant covers. */
  #stack = 0;
  /** Total and data pages of the kernel at the last read of the map; undefined once a call was granted after that read. */
  sizeAtRead: { readonly total: number; readonly data: number } | undefined;
  /** Ranges where a MAP_FIXED mapping was allowed that may not have happened: pages. */
  readonly #expectedFixed = new Set<{ readonly start: number; readonly end: number }>();
  /** Whether {@link payer} or {@link foreign} has changed since the journal record of its processes was written. */
  payersChanged = false;
  /** Whether the map was read since exec. Before that some of the program's own VMAs may not be charged. */
  isExact = false;
  /** The processes that use this address space: more than one after vfork or clone with CLONE_VM. */
  readonly pids: Set<number> = new Set();

  /** An empty space: nothing is charged. */
  constructor(ledger: SwapLedger, job: Job, payer: UidInfo, heap: DataSegment = new DataSegment()) {
    this.#ledger = ledger;
    this.#job = job;
    this.#own = new Charge(ledger, payer, job);
    this.#foreign = new ForeignMemory(ledger);
    this.heap = heap;
  }

  /** Who pays for new memory of this space: the real uid of its process. */
  get payer(): UidInfo {
    return this.#own.payer;
  }

  get job(): Job {
    return this.#job;
  }

  /** Pages charged to {@link payer}. */
  get own(): number {
    return this.#own.pages;
  }

  /** Every charge that this space holds. */
  get charges(): Iterable<Charge> {
    return [this.#own, ...this.#foreign.charges];
  }

  /** The ranges that an earlier payer still pays for, in order of address. */
  get foreign(): readonly Foreign[] {
    return this.#foreign.ranges;
  }

  /** All charged pages, whoever pays. */
  get pages(): number {
    return this.#own.pages + this.#foreign.pages;
  }

  /** The space of a forked child, which gets `pages` of this space's pages. They are charged to {@link payer} at once. */
  fork(pages: number): Space {
    const heap = this.heap.fork(Math.max(0, this.pages - pages));
    const child = new Space(this.#ledger, this.#job, this.payer, heap);
    child.isExact = this.isExact;
    child.#stack = this.#stack;
    child.add(pages);
    return child;
  }

  /** Charges `pages` more to the payer, or gives them back where negative. The caller has asked the ledger whether there is room. */
  add(pages: number): void {
    this.#own.grow(pages);
    this.sizeAtRead = undefined;
  }

  /**
   * Replaces the charge by what the kernel's map says. `underway`: pages of granted calls that the map may not show yet. `settled`: no call
   * is under way. A call that the map shows already must not count twice, so the charge never rises for granted calls: what was charged
   * before covered the map and the calls. Only a stack can have grown beyond that.
   */
  correct(vmas: readonly Vma[], underway: number, settled: boolean): void {
    const charged = this.pages;
    const hidden = isHidden(vmas);
    const accounted = vmas.filter((vma) => vma.accounted);
    if (!hidden) {
      this.#setForeign(
        this.foreign.flatMap(({ start, end, payer }) =>
          within(accounted, start, end).map((part) => ({ start: part.start, end: part.end, payer })),
        ),
      );
    }
    const reserved = sum(accounted);
    const stack = sum(accounted.filter((vma) => vma.stack));
    const most = this.isExact ? Math.max(reserved, charged + stack - this.#stack) : Number.POSITIVE_INFINITY;
    this.#stack = stack;
    this.add(Math.min(reserved + underway, most) - this.pages);
    this.isExact = !hidden;
    if (!hidden) this.heap.correct(vmas, accounted, settled);
  }

  /**
   * The real uid has become that of `next`. What the map shows stays charged to whoever pays for it now, as {@link foreign}; new memory and
   * the `underway` pages of granted calls are charged to `next`. `settled` as in {@link correct}.
   */
  changePayer(next: UidInfo, vmas: readonly Vma[], underway: number, settled: boolean): void {
    this.correct(vmas, underway, settled);
    const free = vmas.filter((vma) => vma.accounted).flatMap((vma) => outside(vma, this.foreign));
    const kept = [...this.foreign, ...free.map(({ start, end }) => ({ start, end, payer: this.payer }))];
    this.#own.release();
    this.#setForeign(kept.filter(({ payer }) => payer !== next).sort((a, b) => a.start - b.start));
    this.#own = new Charge(this.#ledger, next, this.#job);
    // A process that becomes a uid it had before pays for that uid's ranges itself again.
    this.add(sum(kept.filter(({ payer }) => payer === next)));
    this.payersChanged = true;
    this.add(underway);
  }

  /** Takes over the foreign ranges of a journal record. */
  restoreForeign(foreign: readonly Foreign[]): void {
    this.#setForeign(foreign);
  }

  /** Every charge counts against `job` from now on; nothing is refused. */
  moveTo(job: Job): void {
    this.#job = job;
    for (const charge of this.charges) charge.moveTo(job);
  }

  /** A MAP_FIXED mapping has replaced pages [start, end). {@link payer} was charged for all of it, so no range in it is foreign. */
  forgetForeign(start: number, end: number): void {
    if (this.foreign.length === 0) return;
    this.#setForeign(
      this.foreign.flatMap((range) => outside(range, [{ start, end }]).map((part) => ({ ...range, ...part }))),
    );
  }

  /**
   * A MAP_FIXED mapping of pages [start, end) was allowed and may not have happened. Until the returned function is called, the journal
   * says that the range is not foreign: by the time a successor of this daemon reads it the call has happened.
   */
  expectFixed(start: number, end: number): () => void {
    const range = { start, end };
    this.#expectedFixed.add(range);
    this.payersChanged = true;
    return () => {
      this.#expectedFixed.delete(range);
      this.payersChanged = true;
    };
  }

  /** The part of {@link foreign} that remains when every allowed MAP_FIXED mapping has happened: what the journal gets. */
  get lastingForeign(): readonly Foreign[] {
    const holes = [...this.#expectedFixed].sort((a, b) => a.start - b.start);
    return this.foreign.flatMap((range) => outside(range, holes).map((part) => ({ ...range, ...part })));
  }

  /** How many of the pages [start, end) are foreign. */
  foreignWithin(start: number, end: number): number {
    return sum(within(this.foreign, start, end));
  }

  /** Gives back every charge: the last process has left the space. */
  release(): void {
    this.#setForeign([]);
    this.add(-this.own);
  }

  #setForeign(next: readonly Foreign[]): void {
    if (next.length === 0 && this.foreign.length === 0) return;
    this.#foreign.become(next, this.#job);
    this.payersChanged = true;
  }
}
