import { invariant } from "../base/assert.ts";
import type { Tid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import type { Why } from "./why.ts";

/**
 * - `break`, `watch`: a row that somebody has asked for, until he clears it.
 * - `until`, `next`, `finish`: where the process is on its way to by that word, until it is told of a stop, whichever.
 */
export type BreakKind = "break" | "watch" | "until" | "next" | "finish";

/** What a watchpoint waits for: `r` and `w`, that its bytes are read, written; `rw`: either. */
export type Access = "r" | "w" | "rw";

/** What somebody asks for. */
export interface BreakRequest {
  readonly kind: BreakKind;
  readonly address: number;
  /** Where it is, in the words in which it was asked for. */
  readonly asked: string;
  /** Only this thread stops there. */
  readonly thread?: Tid | undefined;
  /** Only while this register has this value; with `orMore` also a greater one. */
  readonly condition?: { readonly register: string; readonly value: bigint; readonly orMore?: true } | undefined;
  /** Of a watchpoint. */
  readonly watch?: { readonly length: number; readonly access: Access } | undefined;
  /** The instruction there was a system call when it was asked for. */
  readonly isCall?: boolean | undefined;
}

/** A row of the table. */
export interface Breakpoint extends BreakRequest {
  /** Given once in the life of the table. */
  readonly number: number;
  /** How often somebody was told that a thread has come there. */
  readonly hits: number;
  /** At the last look there was no memory that could be changed, or somebody else had the debug registers of a thread. */
  readonly missing: boolean;
}

export type Row = { -readonly [K in keyof Breakpoint]: Breakpoint[K] };

/** A thread that stands on a breakpoint, the instruction there still before it, or behind an instruction that has touched what is watched. */
export interface Hit {
  readonly address: number;
  /** The rows that it has stopped for; none where the condition of none holds. */
  readonly rows: readonly Breakpoint[];
  /** Of a watchpoint, what was there before and is there now, as far as it is known. */
  readonly values?: { readonly old: bigint | undefined; readonly new: bigint | undefined };
  /** There is nothing to tell, any more. */
  told: boolean;
}

/** The breakpoints and watchpoints of one process, by number, and what of them is still to be told. */
export class BreakTable {
  #rows: Row[] = [];
  #next = 1;

  /** All of them; whoever plants them marks those that are missing. */
  get all(): readonly Row[] {
    return this.#rows;
  }

  /** Those that somebody has asked for and can clear. */
  get listed(): readonly Breakpoint[] {
    return this.#rows.filter(isListed);
  }

  add(request: BreakRequest): Breakpoint {
    const number = isListed(request) ? this.#next++ : 0;
    const row: Row = { ...request, number, hits: 0, missing: false };
    this.#rows.push(row);
    return row;
  }

  /** ENOENT. */
  clear(which: number | "all"): void {
    if (which !== "all" && !this.listed.some(({ number }) => number === which))
      throw new Errno("ENOENT", `there is no breakpoint ${which}; see the file breaks`);
    this.#rows = this.#rows.filter((row) => !isListed(row) || (which !== "all" && row.number !== which));
  }

  /** A stop is told: where the process was on its way to is of no interest any more. */
  arrived(): void {
    if (!this.#rows.every(isListed)) this.#rows = this.#rows.filter(isListed);
  }

  /** The process executes another program. */
  forget(): void {
    this.#rows = [];
  }

  /** Whether what a thread has stopped for is still to be told. */
  isNews(hit: Hit | undefined): hit is Hit {
    return hit !== undefined && !hit.told && hit.rows.some((row) => this.#rows.includes(row as Row));
  }

  /** What news say, by the first of the rows that is still there. */
  whyOf({ rows, values }: Hit): Why {
    const first = this.#rows.find((row) => rows.includes(row));
    invariant(first, "trace/break-table whyOf: not news");
    const { kind, number, address } = first;
    return kind === "watch" ? { kind, number, address, ...values } : { kind, number, address };
  }

  /** The same, which is told now. */
  tell(hit: Hit): Why {
    hit.told = true;
    for (const row of this.#rows) if (hit.rows.includes(row)) row.hits++;
    return this.whyOf(hit);
  }
}

function isListed({ kind }: { readonly kind: BreakKind }): boolean {
  return kind === "break" || kind === "watch";
}
