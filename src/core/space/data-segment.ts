import { PAGE_SIZE, pagesIn } from "../base/size.ts";
import type { Vma } from "./ports.ts";
import { accountedWithin, dataEnd } from "./ranges.ts";

/** How many earlier ends are remembered since the map was last read with no call under way. */
const MAX_REMEMBERED_ENDS = 16;

/**
 * The data segment (heap) of one address space: where it begins, where brk(2) has moved its end to, and how much of it is charged. A
 * refused brk(2) has to return the present end, exact to the byte, and the kernel tells nobody where that is: it is the address that the
 * last call was granted, corrected by the map where the map shows the heap. Addresses are in bytes, ends of ranges in the map in pages.
 */
export class DataSegment {
  #start = 0;
  #end = 0;
  /** A program has begun and has made no brk call: where its segment is has not been read. Read at the first use, then undefined. */
  #unread: { readonly startBrk: number } | undefined;
  /** How many calls were allowed to move the end: tells whoever takes a move back whether another thread has moved it since. */
  moves = 0;
  /** Charged pages between start and end, at most. A program may have unmapped parts, so it can be less than the distance. */
  pages = 0;
  /** The part of {@link pages} that the map has shown. */
  #shownPages = 0;
  /**
   * Ends before the moves that no map has confirmed: the kernel may have refused such a move, and one of these is the end then. Addresses.
   */
  #otherEnds: number[] = [];
  /** The lowest page down to which a call under way may still move the end. */
  #lowestEnd = Number.POSITIVE_INFINITY;
  /** The program ran before anybody knew its segment: only the map tells where it ends. */
  #isEndUnknown = false;

  /** The address where the segment begins, 0 where that is not known. */
  get start(): number {
    if (this.#unread) this.begin(this.#unread.startBrk);
    return this.#start;
  }

  /** The address where it ends if every call that was granted has happened, 0 where that is not known. */
  get end(): number {
    if (this.#unread) this.begin(this.#unread.startBrk);
    return this.#end;
  }

  /** {@link end}, where no call was granted since it was last certain; undefined otherwise. */
  get knownEnd(): number | undefined {
    return this.end === 0 || this.#isEndUnknown || this.#otherEnds.length > 0 ? undefined : this.end;
  }

  /** Whether {@link end} is only a guess, the start: neither a map nor a call has told yet where the segment ends. */
  get isEndAssumed(): boolean {
    return this.#isEndUnknown && this.#otherEnds.length === 0;
  }

  /** The segment of a forked child, which lacks `missing` pages of what the parent has. */
  fork(missing: number): DataSegment {
    const child = new DataSegment();
    child.#end = this.end;
    child.#start = this.start;
    child.#otherEnds = [...this.#otherEnds];
    child.#isEndUnknown = this.#isEndUnknown;
    // Which pages the child lacks is not known: all of them may be of the segment.
    child.pages = Math.max(0, this.pages - missing);
    child.#shownPages = Math.min(this.#shownPages, child.pages);
    return child;
  }

  /** A program begins, with its segment at `start` and empty. */
  begin(start: number): void {
    this.#unread = undefined;
    this.#start = start;
    this.#end = start;
    this.pages = 0;
    this.#shownPages = 0;
    this.#otherEnds.length = 0;
    this.#lowestEnd = Number.POSITIVE_INFINITY;
    this.#isEndUnknown = false;
  }

  /** As {@link begin}; `image` is asked for the start when somebody needs it. */
  beginUnread(image: { readonly startBrk: number }): void {
    this.begin(0);
    this.#unread = image;
  }

  /** As {@link begin}, of a program that has been running before: only the map tells where its segment ends. */
  beginRunning(start: number): void {
    this.begin(start);
    this.#isEndUnknown = true;
  }

  /** A call that nobody followed may have moved the end: only the map tells where it is. */
  setEndUnknown(): void {
    this.#isEndUnknown = true;
    this.#otherEnds.length = 0;
  }

  /** A brk call to `address` was granted, for which `need` pages are charged. */
  move(address: number, need: number): void {
    this.#otherEnds.push(this.end);
    if (this.#otherEnds.length > MAX_REMEMBERED_ENDS) this.#otherEnds.shift();
    this.#end = address;
    this.moves++;
    this.pages += need;
    const end = pagesIn(address);
    const start = pagesIn(this.start);
    this.#lowestEnd = Math.min(this.#lowestEnd, end);
    // Pages above the new end are gone: when the segment grows over them again, the map has not shown those.
    this.#shownPages = Math.max(0, Math.min(this.#shownPages, end - start));
  }

  /** The kernel did not carry out the last move: the end is `address` again, and `need` pages less are charged. */
  moveBack(address: number, need: number): void {
    this.#end = address;
    this.pages -= need;
  }

  /** A mapping at page `start` is moved elsewhere. Where it was part of the segment it leaves a hole there. */
  leavesHole(start: number, pages: number): void {
    if (start < pagesIn(this.start) || start >= pagesIn(this.end)) return;
    this.pages = Math.max(0, this.pages - pages);
    this.#shownPages = Math.max(0, this.#shownPages - pages);
  }

  /** The most pages that a move of the end to page `end` adds to the charge. */
  growth(end: number): number {
    return Math.max(0, end - pagesIn(this.start) - this.pages);
  }

  /** Pages of a segment that ends on page `end` which no map has shown, or which another call may remove before. */
  unshownUpTo(end: number): number {
    return end - pagesIn(this.start) - this.#shownPages;
  }

  /** Takes over what the map says; `accounted` are the charged VMAs among `vmas`, `settled` as in `Space.correct`. */
  correct(vmas: readonly Vma[], accounted: readonly Vma[], settled: boolean): void {
    const end = dataEnd(vmas, this.start);
    this.pages = accountedWithin(accounted, pagesIn(this.start), end);
    if (settled) this.#settle(end);
    this.#shownPages = Math.max(0, Math.min(this.pages, this.#lowestEnd - pagesIn(this.start)));
  }

  /**
   * The map shows the segment up to page `end`, and no call is under way. The segment ends there if a call has ever set that end; otherwise
   * the program has unmapped its last pages by munmap, which does not move the end.
   */
  #settle(end: number): void {
    if (pagesIn(this.end) !== end) {
      if (this.#isEndUnknown) this.#end = end * PAGE_SIZE;
      else this.#end = this.#otherEnds.findLast((each) => pagesIn(each) === end) ?? this.end;
    }
    this.#otherEnds.length = 0;
    this.#lowestEnd = Number.POSITIVE_INFINITY;
    this.#isEndUnknown = false;
  }
}
