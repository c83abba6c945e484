import { invariant } from "../base/assert.ts";
import { PAGE_SIZE } from "../base/size.ts";
import type { Budget } from "./budget.ts";
import type { UidInfo } from "./uidinfo.ts";
import { UNLIMITED } from "./unlimited.ts";

/** Bits of `vm.overcommit` (docs/semantics.md, "Policy"). */
export const SWAP_RESERVE_FORCE_ON = 1;
export const SWAP_RESERVE_RLIMIT_ON = 2;
export const SWAP_RESERVE_ALLOW_NONWIRED = 4;

/** On whose behalf a reservation is made: its limit and its privilege count, whoever pays. */
export interface Credentials {
  /** Effective uid: 0 outside a jail is never refused, only counted. */
  readonly euid: number;
  readonly jailed: boolean;
  /** RLIMIT_SWAP of the calling process, pages. */
  readonly rlimitSwap: number;
  /** What a refusal's message calls the process. */
  readonly pid: number;
}

/**
 * Why a reservation is refused: a budget that its holder is in, the machine's supply, or the limit of the one who asks. What was
 * compared with it, and it: pages.
 */
export interface Refusal {
  readonly reason: "job" | "supply" | "rlimit";
  readonly used: number;
  readonly limit: number;
}

/** Asked at each use, so that it may be a view of a machine. */
export interface SwapConfig {
  readonly overcommit?: number;
  /** Pages; {@link UNLIMITED} without it. */
  readonly swapTotal?: number;
  /** Physical memory, for {@link SWAP_RESERVE_ALLOW_NONWIRED}: pages. */
  readonly pageCount?: number;
  readonly freeReserved?: number;
  readonly wired?: number;
}

/** Where complaints go, and the clock that limits them. */
export interface Console {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  print(line: string): void;
}

export const NO_CONSOLE: Console = { now: () => 0, print: () => {} };

/** One message a second, system-wide; what is held back does not lengthen the wait. */
const MESSAGE_MS = 1000;

/** Both totals, global and per uid, and the decision whether one more reservation fits: swap_pager.c. */
export class SwapLedger {
  overcommit: number;
  readonly #config: SwapConfig;
  #swapTotal: number | undefined;
  readonly #console: Console;
  #reserved = 0;
  #lastMessage = Number.NEGATIVE_INFINITY;

  constructor(config: SwapConfig = {}, console: Console = NO_CONSOLE) {
    this.overcommit = config.overcommit ?? 0;
    this.#config = config;
    this.#console = console;
  }

  /** vm.swap_total: pages. */
  get swapTotal(): number {
    return this.#swapTotal ?? this.#config.swapTotal ?? UNLIMITED;
  }

  /** swapon and swapoff. */
  set swapTotal(pages: number) {
    this.#swapTotal = pages;
  }

  /** vm.swap_reserved: pages. */
  get reserved(): number {
    return this.#reserved;
  }

  /** What may be reserved altogether. The physical part is held at 0 or more; upstream it wraps round. */
  get supply(): number {
    if ((this.overcommit & SWAP_RESERVE_ALLOW_NONWIRED) === 0) return this.swapTotal;
    const { pageCount = 0, freeReserved = 0, wired = 0 } = this.#config;
    return this.swapTotal + Math.max(0, pageCount - freeReserved - wired);
  }

  /**
   * swap_reserve_by_uid: counts `pages` more against `payer`, or refuses and changes nothing. 0 pages can be refused too,
   * when a total is already too high.
   */
  reserve(pages: number, payer: UidInfo, by: Credentials): boolean {
    const fits = this.fits(pages, payer, by);
    if (fits) this.force(pages, payer);
    else this.tellRefusal(pages, payer, by);
    return fits;
  }

  /** Whether {@link reserve} would count them. */
  fits(pages: number, payer: UidInfo, by: Credentials): boolean {
    return this.refusalOf(pages, payer, by) === undefined;
  }

  /**
   * Which total leaves no room for so much more, in this order: a budget, which binds root too, the supply, the limit. Privilege is
   * asked for only when the arithmetic fails.
   */
  refusalOf(pages: number, payer: UidInfo, by: Credentials, budget?: Budget): Refusal | undefined {
    const full = budget?.without(pages);
    if (full) return { reason: "job", used: full.pages, limit: full.most };
    const hasSupply = this.hasSupply(pages);
    if ((hasSupply && this.#isWithinLimit(pages, payer, by)) || (by.euid === 0 && !by.jailed)) return undefined;
    return hasSupply
      ? { reason: "rlimit", used: payer.vmsize, limit: this.limitOf(payer, by) }
      : { reason: "supply", used: this.#reserved, limit: this.supply };
  }

  /** Whether the global total may grow by `pages`. */
  hasSupply(pages: number): boolean {
    return (this.overcommit & SWAP_RESERVE_FORCE_ON) === 0 || this.#reserved + pages <= this.supply;
  }

  #isWithinLimit(pages: number, payer: UidInfo, by: Credentials): boolean {
    return (this.overcommit & SWAP_RESERVE_RLIMIT_ON) === 0 || payer.vmsize + pages <= this.limitOf(payer, by);
  }

  /** What `payer` may have in all when `by` asks: its own limit, or that of the uid where it has none; never more than the uid may. */
  limitOf({ limit: { soft, hard } }: UidInfo, { rlimitSwap }: Pick<Credentials, "rlimitSwap">): number {
    return rlimitSwap === UNLIMITED ? soft : Math.min(rlimitSwap, hard);
  }

  /** swap_reserve_force: counts without asking. */
  force(pages: number, payer: UidInfo): void {
    this.#reserved += pages;
    payer.vmsize += pages;
  }

  /** swap_release_by_uid. Releasing what was never reserved stops the program, as it panics upstream. */
  release(pages: number, payer: UidInfo): void {
    invariant(this.#reserved >= pages, "swap_reserved < decr");
    this.#reserved -= pages;
    payer.vmsize -= pages;
    if (payer.vmsize < 0) this.#console.print(`negative vmsize for uid = ${payer.uid}`);
  }

  /** The line about a refusal, at most one a second. */
  tellRefusal(pages: number, payer: UidInfo, by: Credentials): void {
    const now = this.#console.now();
    if (now - this.#lastMessage < MESSAGE_MS) return;
    this.#lastMessage = now;
    const bytes = BigInt(pages) * BigInt(PAGE_SIZE);
    this.#console.print(`uid ${payer.uid}, pid ${by.pid}: swap reservation for ${bytes} bytes failed`);
  }
}
