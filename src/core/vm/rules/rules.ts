import type { SwapLedger } from "../../charges/swap-ledger.ts";
import type { UidInfo } from "../../charges/uidinfo.ts";
import type { VmMapEntry } from "../entry.ts";
import type { VmObjects } from "../objects.ts";
import type { Proc } from "../proc.ts";

/** What rules act on. */
export interface VmContext {
  readonly ledger: SwapLedger;
  readonly objects: VmObjects;
  readonly rules: VmRules;
  /** kern.sgrowsiz: pages. */
  readonly stackGrowPages: number;
}

/** A mapping without an object that follows an entry directly. */
export interface Following {
  readonly pages: number;
  readonly prot: number;
  readonly maxProt: number;
  /** Who pays for it; its pages are reserved already. */
  readonly cred: UidInfo | undefined;
}

/** Everything in which the two rule sets differ. Whatever is not a member here is the same for both. */
export interface VmRules {
  readonly name: "freebsd" | "seed";
  /** Whether a refused mprotect or MAP_FIXED leaves everything as it was. */
  readonly refusalsUndo: boolean;
  /** Whether MAP_SHARED|MAP_ANON gets its object, which then pays, at mmap. */
  readonly sharedAnonymousObject: boolean;
  /** Whether private memory mapped with MAP_NORESERVE is never charged; otherwise the flag is ignored. */
  readonly noReserveIsFree: boolean;
  /** Whether there is Linux's mremap(2) at all. */
  readonly remaps: boolean;
  /** Whether MAP_STACK memory is charged as it grows, like the main stack; otherwise all of it at once. */
  readonly mapStackGrows: boolean;
  /** Whether a write to an uncharged private mapping, as a debugger makes it, is charged to the writer. */
  readonly chargesUnpaidWrite: boolean;
  /** Whether fork copies wired memory at once instead of on write. */
  readonly copiesWired: boolean;
  /** Whether memory that fork makes shared gets an object of its own first, apart from that of other entries. */
  readonly splitsShared: boolean;
  /** What execve reserves for its arguments while it runs: pages. */
  readonly execArgPages: number;
  /** How far a stack grows for a fault `distance` pages below it. */
  stackGrowth(distance: number, step: number): number;
  /** Called before `entry` is cut in two: moves its charge to where both parts can hold theirs. The sum does not change. */
  beforeClip(entry: VmMapEntry, vm: VmContext): void;
  /** Whether `following` can become part of `previous` or of its object; settles the charge when it can. */
  coalesce(previous: VmMapEntry, following: Following, td: Proc, vm: VmContext): boolean;
  /** Charges an uncharged entry that becomes writable. False: refused, nothing changed. */
  chargeWritable(entry: VmMapEntry, td: Proc, vm: VmContext): boolean;
  /**
   * Names the payers of a copy-on-write pair: `source`, which is not marked needs-copy yet unless it was so before, and its
   * new twin. Returns the pages that are to be reserved for the pair.
   */
  chargeCopy(source: VmMapEntry, twin: VmMapEntry, td: Proc, vm: VmContext): number;
  /** Whether a child's zeroed twin of `source` (minherit ZERO) is charged. */
  chargesZeroed(source: VmMapEntry): boolean;
}
