import { invariant } from "../base/assert.ts";
import { PAGE_SIZE } from "../base/size.ts";
import type { Budget } from "./budget.ts";
import type { UidInfo } from "./uidinfo.ts";
import { UNLIMITED } from "./unlimited.ts";

/** Bits of `vm.overcommit` (docs/semantics.md, "Policy"). */
export const SWAP_RESERVE_FORCE_ON = 1;
export const SWAP_RESERVE_RLIMIT_ON = 2;
export const SWAP_RESERVE_ALLOW_NONWIRED = 4;

/** The process on whose behalf a reservation is made. Its limit and its privilege count, whoever pays. */
export interface Credentials {
  /** Effective uid. 0 outside a jail is counted, and refused only by a budget. */
  readonly euid: number;
  readonly jailed: boolean;
  /** RLIMIT_SWAP of the process: pages, {@link UNLIMITED} for none. */
  readonly rlimitSwap: number;
  /** For the message about a refusal. */
  readonly pid: number;
}

/** Why a reservation is refused. */
export interface Refusal {
  /** What it would exceed: the budget of a job, the supply of the machine, or RLIMIT_SWAP of the process or of the payer. */
  readonly reason: "job" | "supply" | "rlimit";
  /** The total that is compared with {@link limit}, without the refused pages. */
  readonly used: number;
  /** Pages. */
  readonly limit: number;
}

/** Facts about the machine. Each is read at each use, so that a getter may follow a live machine. All sizes are pages. */
export interface SwapConfig {
  /** The bits with which the ledger begins; 0 without it. */
  readonly overcommit?: number;
  /** Swap space; {@link UNLIMITED} without it. */
  readonly swapTotal?: number;
  /** Physical memory, what the kernel keeps free of it, and what cannot be paged out: for {@link SWAP_RESERVE_ALLOW_NONWIRED}. */
  readonly pageCount?: number;
  readonly freeReserved?: number;
  readonly wired?: number;
}

/** Where messages about refusals go, and the clock that limits their rate. */
export interface Console {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  print(line: string): void;
}

export const NO_CONSOLE: Console = { now: () => 0, print: () => {} };

/** At most one message in this time, whoever was refused. Messages that are dropped do not lengthen it. */
const MESSAGE_MS = 1000;

/** The totals of the machine and of each uid, and the decision whether one more reservation fits: FreeBSD's vm/swap_pager.c. */
export class SwapLedger {
  /** vm.overcommit: bits SWAP_RESERVE_*. */
  overcommit: number;
  readonly #config: SwapConfig;
  /** Set by swapon and swapoff of a scenario; undefined: that of the configuration. */
  #swapTotal: number | undefined;
  readonly #console: Console;
  /** Pages of all charges. */
  #reserved = 0;
  /** When the last message was printed, on the clock of the console. */
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

  /** How many pages may be reserved in all. The physical part is held at 0 or more; in FreeBSD's sources it is unsigned and wraps round. */
  get supply(): number {
    if ((this.overcommit & SWAP_RESERVE_ALLOW_NONWIRED) === 0) return this.swapTotal;
    const { pageCount = 0, freeReserved = 0, wired = 0 } = this.#config;
    return this.swapTotal + Math.max(0, pageCount - freeReserved - wired);
  }

  /**
   * swap_reserve_by_uid: charges `payer` with `pages` more and returns true, or prints a message, changes nothing and returns false. 0
   * pages can be refused, too, when a total exceeds its limit already.
   */
  reserve(pages: number, payer: UidInfo, by: Credentials): boolean {
    const fits = this.fits(pages, payer, by);
    if (fits) this.force(pages, payer);
    else this.tellRefusal(pages, payer, by);
    return fits;
  }

  /** Whether {@link reserve} would succeed. */
  fits(pages: number, payer: UidInfo, by: Credentials): boolean {
    return this.refusalOf(pages, payer, by) === undefined;
  }

  /**
   * Which limit `pages` more would exceed; undefined for none. Asked in this order: the budget, which binds root, too; the supply;
   * RLIMIT_SWAP. The effective uid is asked for only when the arithmetic has failed, since that may be a read of /proc.
   */
  refusalOf(pages: number, payer: UidInfo, by: Credentials, budget?: Budget): Refusal | undefined {
    const full = budget?.exceededBy(pages);
    if (full) return { reason: "job", used: full.pages, limit: full.most };
    const hasSupply = this.hasSupply(pages);
    if ((hasSupply && this.#isWithinLimit(pages, payer, by)) || (by.euid === 0 && !by.jailed)) return undefined;
    return hasSupply
      ? { reason: "rlimit", used: payer.vmsize, limit: this.limitOf(payer, by) }
      : { reason: "supply", used: this.#reserved, limit: this.supply };
  }

  /** Whether the supply leaves room for `pages` more. Always true where the policy does not ask for the supply. */
  hasSupply(pages: number): boolean {
    return (this.overcommit & SWAP_RESERVE_FORCE_ON) === 0 || this.#reserved + pages <= this.supply;
  }

  #isWithinLimit(pages: number, payer: UidInfo, by: Credentials): boolean {
    return (this.overcommit & SWAP_RESERVE_RLIMIT_ON) === 0 || payer.vmsize + pages <= this.limitOf(payer, by);
  }

  /**
   * The limit of the payer's total when `by` asks: the limit of that process, else the soft one of the uid; never above the uid's hard one.
   */
  limitOf({ limit: { soft, hard } }: UidInfo, { rlimitSwap }: Pick<Credentials, "rlimitSwap">): number {
    return rlimitSwap === UNLIMITED ? soft : Math.min(rlimitSwap, hard);
  }

  /** swap_reserve_force: charges `payer` whatever the limits. */
  force(pages: number, payer: UidInfo): void {
    this.#reserved += pages;
    payer.vmsize += pages;
  }

  /** swap_release_by_uid. A release of more than is reserved is a defect: it throws, where FreeBSD panics. */
  release(pages: number, payer: UidInfo): void {
    invariant(this.#reserved >= pages, "swap_reserved < decr");
    this.#reserved -= pages;
    payer.vmsize -= pages;
    if (payer.vmsize < 0) this.#console.print(`negative vmsize for uid = ${payer.uid}`);
  }

  /** Prints the line about a refusal, at most one a second. */
  tellRefusal(pages: number, payer: UidInfo, by: Credentials): void {
    const now = this.#console.now();
    if (now - this.#lastMessage < MESSAGE_MS) return;
    this.#lastMessage = now;
    const bytes = BigInt(pages) * BigInt(PAGE_SIZE);
    this.#console.print(`uid ${payer.uid}, pid ${by.pid}: swap reservation for ${bytes} bytes failed`);
  }
}
