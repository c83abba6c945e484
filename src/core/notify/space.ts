import { PAGE_SIZE, pagesIn } from "../base/size.ts";
import { Charge } from "../charges/charge.ts";
import type { SwapLedger } from "../charges/swap-ledger.ts";
import type { UidInfo } from "../charges/uidinfo.ts";
import { ForeignMemory } from "./foreign-memory.ts";
import type { Job } from "./job.ts";
import type { Vma } from "./ports.ts";
import { accountedWithin, dataEnd, type Foreign, isHidden, outside, sum, within } from "./ranges.ts";

/** How many ends of the data segment are remembered for which the map has not been read. */
const REMEMBERED_BRKS = 16;

/**
 * What one address space has reserved. Between two looks at the kernel's map it is an upper bound: what was granted is
 * added, what was unmapped is not known yet. Every change goes to the ledger and to the job.
 */
export class Space {
  readonly #ledger: SwapLedger;
  #job: Job;
  #own: Charge;
  readonly #foreign: ForeignMemory;
  /** Of the stack, at the last look: pages. */
  #stack = 0;
  /** See {@link startBrk} and {@link brk}. */
  #startBrk = 0;
  #brk = 0;
  /** Tells the two when they are asked for: a program has begun, and has not called brk. */
  #unread: { readonly startBrk: number } | undefined;
  /** How often it was allowed to move. */
  brkMoves = 0;
  /** Of what is charged, the most that lies between the two: pages. It may have holes. */
  heapPages = 0;
  /** The same as far as the map has shown it. */
  #heapSeen = 0;
  /** Where the data segment may end instead, if the kernel has refused what was granted since the map was read: addresses. */
  #otherBrks: number[] = [];
  /** The page down to which calls under way may still take it. */
  #lowestEnd = Number.POSITIVE_INFINITY;
  /** The kernel's quick figures when the last look was taken and nothing has been granted since. */
  sizeAtRead: { readonly total: number; readonly data: number } | undefined;
  #isBrkUnknown = false;
  /** Where fixed mappings were allowed that may not have happened. */
  readonly #expected = new Set<{ readonly start: number; readonly end: number }>();
  /** Whether {@link payer} or {@link foreign} is another since it was written down. */
  payersChanged = false;
  /** Whether its map has been looked at since exec: before, some of the program's own parts are not counted. */
  isExact = false;
  /** The processes that use it: more than one after vfork. */
  readonly pids: Set<number> = new Set();

  constructor(ledger: SwapLedger, job: Job, payer: UidInfo) {
    this.#ledger = ledger;
    this.#job = job;
    this.#own = new Charge(ledger, payer, job);
    this.#foreign = new ForeignMemory(ledger);
  }

  /** Where the data segment begins and ends: addresses, 0 where that is not known. */
  get startBrk(): number {
    if (this.#unread) this.begin(this.#unread.startBrk);
    return this.#startBrk;
  }

  get brk(): number {
    if (this.#unread) this.begin(this.#unread.startBrk);
    return this.#brk;
  }

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

  /** All that it holds. */
  get charges(): Iterable<Charge> {
    return [this.#own, ...this.#foreign.charges];
  }

  get foreign(): readonly Foreign[] {
    return this.#foreign.ranges;
  }

  /** Pages, whoever pays. */
  get pages(): number {
    return this.#own.pages + this.#foreign.pages;
  }

  /** A child's, which has `pages` of what there is here. */
  fork(pages: number): Space {
    const child = new Space(this.#ledger, this.#job, this.payer);
    child.isExact = this.isExact;
    child.#brk = this.brk;
    child.#startBrk = this.startBrk;
    child.#otherBrks = [...this.#otherBrks];
    child.#isBrkUnknown = this.#isBrkUnknown;
    // Some of it the child may not get.
    child.heapPages = Math.max(0, this.heapPages - Math.max(0, this.pages - pages));
    child.#heapSeen = Math.min(this.#heapSeen, child.heapPages);
    child.#stack = this.#stack;
    child.add(pages);
    return child;
  }

  /** Changes what the payer pays for; the caller has asked whether there is room. */
  add(pages: number): void {
    this.#own.grow(pages);
    this.sizeAtRead = undefined;
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
        this.foreign.flatMap(({ start, end, payer }) =>
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
    if (settled) this.#settleBrk(end);
    this.#heapSeen = Math.max(0, Math.min(this.heapPages, this.#lowestEnd - pagesIn(this.startBrk)));
  }

  /**
   * The map shows the data segment up to page `end`. That is where it ends, if it was said to end there at some time; otherwise the
   * program has unmapped the last of it, which moves nothing.
   */
  #settleBrk(end: number): void {
    if (pagesIn(this.brk) !== end) {
      if (this.#isBrkUnknown) this.#brk = end * PAGE_SIZE;
      else this.#brk = this.#otherBrks.findLast((each) => pagesIn(each) === end) ?? this.brk;
    }
    this.#otherBrks.length = 0;
    this.#lowestEnd = Number.POSITIVE_INFINITY;
    this.#isBrkUnknown = false;
  }

  /** The address where the data segment ends, when nothing has been granted since that was certain. */
  get knownBrk(): number | undefined {
    return this.brk === 0 || this.#isBrkUnknown || this.#otherBrks.length > 0 ? undefined : this.brk;
  }

  /** Whether {@link brk} is only where the data segment begins: neither a map nor a call has told yet where it ends. */
  get isBrkAssumed(): boolean {
    return this.#isBrkUnknown && this.#otherBrks.length === 0;
  }

  /** A program begins, with its data segment there and empty. */
  begin(startBrk: number): void {
    this.#unread = undefined;
    this.#startBrk = startBrk;
    this.#brk = startBrk;
    this.heapPages = 0;
    this.#heapSeen = 0;
    this.#otherBrks.length = 0;
    this.#lowestEnd = Number.POSITIVE_INFINITY;
    this.#isBrkUnknown = false;
  }

  /** The same of one where nobody has looked where that is; `image` tells it. */
  beginUnread(image: { readonly startBrk: number }): void {
    this.begin(0);
    this.#unread = image;
  }

  /** Its data segment may have been moved in a moment of which nothing is known: only the map tells where it ends. */
  setBrkUnknown(): void {
    this.#isBrkUnknown = true;
    this.#otherBrks.length = 0;
  }

  /** A program is met that has begun before: only the map tells where its data segment ends. */
  beginRunning(startBrk: number): void {
    this.begin(startBrk);
    this.#isBrkUnknown = true;
  }

  /** The data segment is to end at this address, for which `need` pages are charged. */
  moveBrk(address: number, need: number): void {
    this.#otherBrks.push(this.brk);
    if (this.#otherBrks.length > REMEMBERED_BRKS) this.#otherBrks.shift();
    this.#brk = address;
    this.brkMoves++;
    this.heapPages += need;
    // What it gives up it will not have seen when it grows again.
    const end = pagesIn(address);
    const start = pagesIn(this.startBrk);
    this.#lowestEnd = Math.min(this.#lowestEnd, end);
    this.#heapSeen = Math.max(0, Math.min(this.#heapSeen, end - start));
  }

  /** Pages of a data segment that is to end on page `end` which the map has not shown, or which may go before. */
  unseenUpTo(end: number): number {
    return end - pagesIn(this.startBrk) - this.#heapSeen;
  }

  /** It did not come to that. */
  moveBrkBack(address: number, need: number): void {
    this.#brk = address;
    this.heapPages -= need;
  }

  /** What is moved out of the data segment leaves room in it. */
  movesAway(start: number, pages: number): void {
    if (start < pagesIn(this.startBrk) || start >= pagesIn(this.brk)) return;
    this.heapPages = Math.max(0, this.heapPages - pages);
    this.#heapSeen = Math.max(0, this.#heapSeen - pages);
  }

  /** The most that a data segment adds that ends on page `end`. */
  growth(end: number): number {
    return Math.max(0, end - pagesIn(this.startBrk) - this.heapPages);
  }

  /**
   * Everything in the map stays with who pays for it now; what comes is charged to `next`, and so are `underway` pages. `settled` as in
   * {@link correct}.
   */
  changePayer(next: UidInfo, vmas: readonly Vma[], underway: number, settled: boolean): void {
    this.correct(vmas, underway, settled);
    const free = vmas.filter((vma) => vma.accounted).flatMap((vma) => outside(vma, this.foreign));
    const kept = [...this.foreign, ...free.map(({ start, end }) => ({ start, end, payer: this.payer }))];
    this.#own.release();
    this.#setForeign(kept.filter(({ payer }) => payer !== next).sort((a, b) => a.start - b.start));
    this.#own = new Charge(this.#ledger, next, this.#job);
    // It may have been this user before.
    this.add(sum(kept.filter(({ payer }) => payer === next)));
    this.payersChanged = true;
    this.add(underway);
  }

  /** What was reserved before this process looked at it. */
  restoreForeign(foreign: readonly Foreign[]): void {
    this.#setForeign(foreign);
  }

  moveTo(job: Job): void {
    this.#job = job;
    for (const charge of this.charges) charge.moveTo(job);
  }

  /** A fixed mapping has taken the place of what was there; {@link payer} has paid for all of it. */
  forgetForeign(start: number, end: number): void {
    if (this.foreign.length === 0) return;
    this.#setForeign(
      this.foreign.flatMap((range) => outside(range, [{ start, end }]).map((part) => ({ ...range, ...part }))),
    );
  }

  /** A fixed mapping was allowed there: a successor of this daemon finds that it has happened. Returns how to forget it. */
  expectFixed(start: number, end: number): () => void {
    const range = { start, end };
    this.#expected.add(range);
    this.payersChanged = true;
    return () => {
      this.#expected.delete(range);
      this.payersChanged = true;
    };
  }

  /** What of {@link foreign} is there still when all that was allowed has happened. */
  get lastingForeign(): readonly Foreign[] {
    const holes = [...this.#expected].sort((a, b) => a.start - b.start);
    return this.foreign.flatMap((range) => outside(range, holes).map((part) => ({ ...range, ...part })));
  }

  /** Pages of [start, end) that somebody else pays for than {@link payer}. */
  foreignWithin(start: number, end: number): number {
    return sum(within(this.foreign, start, end));
  }

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
