import { PAGE_SIZE, pagesIn } from "../base/size.ts";
import type { SwapLedger } from "../vm/swap-ledger.ts";
import type { UidInfo } from "../vm/uidinfo.ts";
import type { Job } from "./job.ts";
import type { Vma } from "./ports.ts";

/** Pages that somebody else pays than who pays for what is new: reserved before the real uid changed. */
export interface Foreign {
  readonly start: number;
  readonly end: number;
  readonly payer: UidInfo;
}

const lengthOf = ({ start, end }: { start: number; end: number }): number => end - start;
const sum = (ranges: readonly { start: number; end: number }[]): number =>
  ranges.reduce((pages, range) => pages + lengthOf(range), 0);

/** The parts of `ranges` that lie in [start, end). */
export function within<R extends { start: number; end: number }>(
  ranges: readonly R[],
  start: number,
  end: number,
): R[] {
  return ranges
    .map((range) => ({ ...range, start: Math.max(range.start, start), end: Math.min(range.end, end) }))
    .filter(({ start, end }) => start < end);
}

/** Pages of `vmas` in [start, end) that the kernel counts as reserved. */
export function accountedWithin(vmas: readonly Vma[], start: number, end: number): number {
  return sum(
    within(
      vmas.filter((vma) => vma.accounted),
      start,
      end,
    ),
  );
}

/** The page where the data segment ends, parts that the program has named included; `startBrk` is an address. */
export function dataEnd(vmas: readonly Vma[], startBrk: number): number {
  let end = vmas.findLast((vma) => vma.heap)?.end ?? pagesIn(startBrk);
  for (const vma of vmas) if (vma.named && vma.start === end) end = vma.end;
  return end;
}

/** Of a process that does not let its map be seen. */
export const isHidden = (vmas: readonly Vma[]): boolean => vmas.some((vma) => vma.hidden);

/**
 * What one address space has reserved. Between two looks at the kernel's map it is an upper bound: what was granted is
 * added, what was unmapped is not known yet. Every change goes to the ledger and to the job.
 */
export class Space {
  readonly #ledger: SwapLedger;
  #job: Job;
  #payer: UidInfo;
  #own = 0;
  #foreign: readonly Foreign[] = [];
  /** Of the stack, at the last look: pages. */
  #stack = 0;
  /** Where the data segment begins and ends: addresses, 0 where that is not known. */
  startBrk = 0;
  brk = 0;
  /** Of what is charged, the most that lies between the two: pages. It may have holes. */
  heapPages = 0;
  /** The kernel's quick figures when the last look was taken and nothing has been granted since. */
  sizeAtLook: { readonly total: number; readonly data: number } | undefined;
  /** Whether its map has been looked at since exec: before, some of the program's own parts are not counted. */
  isExact = false;
  /** The processes that use it: more than one after vfork. */
  readonly pids: Set<number> = new Set();

  constructor(ledger: SwapLedger, job: Job, payer: UidInfo) {
    this.#ledger = ledger;
    this.#job = job;
    this.#payer = payer;
  }

  get payer(): UidInfo {
    return this.#payer;
  }

  get job(): Job {
    return this.#job;
  }

  /** Pages charged to {@link payer}. */
  get own(): number {
    return this.#own;
  }

  get foreign(): readonly Foreign[] {
    return this.#foreign;
  }

  /** Pages, whoever pays. */
  get pages(): number {
    return this.#own + sum(this.#foreign);
  }

  /** A child's, which has `pages` of what there is here. */
  fork(pages: number): Space {
    const child = new Space(this.#ledger, this.#job, this.#payer);
    child.isExact = this.isExact;
    child.brk = this.brk;
    child.startBrk = this.startBrk;
    // Some of it the child may not get.
    child.heapPages = Math.max(0, this.heapPages - Math.max(0, this.pages - pages));
    child.#stack = this.#stack;
    child.add(pages);
    return child;
  }

  /** Changes what the payer pays for; the caller has asked whether there is room. */
  add(pages: number): void {
    this.#own += pages;
    if (pages >= 0) this.#ledger.force(pages, this.#payer);
    else this.#ledger.release(-pages, this.#payer);
    this.#job.add(pages);
    this.sizeAtLook = undefined;
  }

  /** Who pays for the pages of [start, end), which the kernel counts as reserved: in order, without a gap. */
  payersOf(start: number, end: number): { readonly start: number; readonly end: number; readonly payer: UidInfo }[] {
    const foreign = within(this.#foreign, start, end);
    const own = outside({ start, end }, foreign).map((part) => ({ ...part, payer: this.#payer }));
    return [...foreign, ...own].sort((a, b) => a.start - b.start);
  }

  /**
   * Takes on what the kernel's map says, and `underway` pages that were granted and may not be in it yet; `settled` when no call
   * is under way at all. Where they are in it already they are not counted twice: what was charged before was enough for both, but for the stack, which grows unasked.
   */
  correct(vmas: readonly Vma[], underway: number, settled: boolean): void {
    const charged = this.pages;
    const hidden = isHidden(vmas);
    const accounted = vmas.filter((vma) => vma.accounted);
    if (!hidden) {
      this.#setForeign(
        this.#foreign.flatMap(({ start, end, payer }) =>
          within(accounted, start, end).map((part) => ({ start: part.start, end: part.end, payer })),
        ),
      );
    }
    const reserved = sum(accounted);
    const stack = sum(accounted.filter((vma) => vma.stack));
    const enough = this.isExact ? Math.max(reserved, charged + stack - this.#stack) : Number.POSITIVE_INFINITY;
    this.#stack = stack;
    this.add(Math.min(reserved + underway, enough) - this.pages);
    this.isExact = !hidden;
    if (hidden) return;
    const end = dataEnd(vmas, this.startBrk);
    this.heapPages = accountedWithin(accounted, pagesIn(this.startBrk), end);
    // The map knows better than we do what became of the last call.
    if (settled && pagesIn(this.brk) !== end) this.brk = end * PAGE_SIZE;
  }

  /** A program begins, with its data segment there and empty. */
  begin(startBrk: number): void {
    this.startBrk = startBrk;
    this.brk = startBrk;
    this.heapPages = 0;
  }

  /** What is moved out of the data segment leaves room in it. */
  movesAway(start: number, pages: number): void {
    if (start < pagesIn(this.startBrk) || start >= pagesIn(this.brk)) return;
    this.heapPages = Math.max(0, this.heapPages - pages);
  }

  /** The most that a data segment adds that ends on page `end`. */
  growth(end: number): number {
    return Math.max(0, end - pagesIn(this.startBrk) - this.heapPages);
  }

  /** Everything in the map stays with who pays for it now; what comes is charged to `next`, and so are `underway` pages. */
  keepFor(next: UidInfo, vmas: readonly Vma[], underway: number): void {
    const free = vmas.filter((vma) => vma.accounted).flatMap((vma) => outside(vma, this.#foreign));
    const kept = [...this.#foreign, ...free.map(({ start, end }) => ({ start, end, payer: this.#payer }))];
    this.add(-this.#own);
    this.#setForeign(kept.sort((a, b) => a.start - b.start));
    this.#payer = next;
    this.add(underway);
  }

  /** What was reserved before this process looked at it. */
  restoreForeign(foreign: readonly Foreign[]): void {
    this.#setForeign(foreign);
  }

  moveTo(job: Job): void {
    const { pages } = this;
    this.#job.add(-pages);
    this.#job = job;
    job.add(pages);
  }

  /** A fixed mapping takes the place of what was there. */
  forgetForeign(start: number, end: number): void {
    if (this.#foreign.length === 0) return;
    const kept = this.#foreign.flatMap((range) =>
      outside(range, [{ start, end }]).map((part) => ({ ...range, ...part })),
    );
    const gone = sum(this.#foreign) - sum(kept);
    this.#setForeign(kept);
    this.add(gone);
  }

  release(): void {
    this.#setForeign([]);
    this.add(-this.#own);
  }

  #setForeign(next: readonly Foreign[]): void {
    for (const range of this.#foreign) this.#ledger.release(lengthOf(range), range.payer);
    for (const range of next) this.#ledger.force(lengthOf(range), range.payer);
    this.#job.add(sum(next) - sum(this.#foreign));
    this.#foreign = next;
  }
}

/** The parts of `range` that none of `holes`, which are in order, covers. */
function outside(
  range: { readonly start: number; readonly end: number },
  holes: readonly { readonly start: number; readonly end: number }[],
): { start: number; end: number }[] {
  const parts: { start: number; end: number }[] = [];
  let at = range.start;
  for (const hole of holes) {
    if (hole.end <= at || hole.start >= range.end) continue;
    if (hole.start > at) parts.push({ start: at, end: hole.start });
    at = Math.max(at, hole.end);
  }
  if (at < range.end) parts.push({ start: at, end: range.end });
  return parts;
}
