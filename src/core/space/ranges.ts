import { pagesIn } from "../base/size.ts";
import type { UidInfo } from "../charges/uidinfo.ts";
import type { Vma } from "./ports.ts";

/** Pages [start, end) that were reserved before the real uid changed, and the uid that still pays for them. */
export interface Foreign {
  readonly start: number;
  readonly end: number;
  readonly payer: UidInfo;
}

/** The length of a range: pages. */
export const lengthOf = ({ start, end }: { start: number; end: number }): number => end - start;
/** The total length of ranges that do not overlap: pages. */
export const sum = (ranges: readonly { start: number; end: number }[]): number =>
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

/** How many of the pages [start, end) the kernel counts as reserved (VM_ACCOUNT). */
export function accountedWithin(vmas: readonly Vma[], start: number, end: number): number {
  return sum(
    within(
      vmas.filter((vma) => vma.accounted),
      start,
      end,
    ),
  );
}

/**
 * The page where the data segment ends. A part that the program has named by PR_SET_VMA_ANON_NAME is a VMA of its own, which the kernel
 * does not show as [heap]. `startBrk` is an address.
 */
export function dataEnd(vmas: readonly Vma[], startBrk: number): number {
  let end = vmas.findLast((vma) => vma.heap)?.end ?? pagesIn(startBrk);
  for (const vma of vmas) if (vma.named && vma.start === end) end = vma.end;
  return end;
}

/** Whether the map stands for a process that hides its mappings. */
export const isHidden = (vmas: readonly Vma[]): boolean => vmas.some((vma) => vma.hidden);

/** The parts of `range` that no hole covers; `holes` are in order of address. */
export function outside(
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
