import { Errno } from "./errno.ts";

/**
 * What accounting counts in: bytes of a page. Most machines' and that of scenarios, until {@link setPageSize} says what this
 * machine's is; so nothing may be worked out from it when a module is loaded.
 */
export let PAGE_SIZE = 4096;

/** Sets the page size of the machine: once on each thread, before anything is counted. Bytes, a power of two. */
export function setPageSize(bytes: number): void {
  PAGE_SIZE = bytes;
}

const UNITS = ["", "k", "m", "g", "t"] as const;
const AMOUNT = /^(?:(\d+)|(\d+(?:\.\d+)?)([kmgt]))$/i;

/**
 * Bytes, in whole pages and rounded up to them: `4096`, or a decimal number with k, m, g or t for powers of 1024, as in
 * `512m` and `1.5G`. `infinity` is no limit, where the caller has a use for that. EINVAL.
 */
export function parseSize(text: string, allow?: "infinity"): number {
  if (allow === "infinity" && text.toLowerCase() === "infinity") return Number.POSITIVE_INFINITY;
  const or = allow ? `, or ${allow}` : "";
  const match = AMOUNT.exec(text);
  if (!match) {
    throw new Errno("EINVAL", `${JSON.stringify(text)} is no size: say bytes, or k, m, g or t, as in 512m${or}`);
  }
  const [, plain, number, unit = ""] = match;
  const bytes = Number(plain ?? number) * 1024 ** UNITS.indexOf(unit.toLowerCase() as (typeof UNITS)[number]);
  const whole = pagesIn(bytes) * PAGE_SIZE;
  if (!Number.isSafeInteger(whole))
    throw new Errno("EINVAL", `${text} is more than there can be: stay below 8192t${or}`);
  return whole;
}

/** How many pages hold `bytes`. */
export function pagesIn(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE);
}

/** What {@link parseSize} reads back as the same: in the largest unit of which it is a whole multiple. */
export function formatSize(bytes: number): string {
  if (bytes === Number.POSITIVE_INFINITY) return "infinity";
  let unit = 0;
  let amount = bytes;
  while (amount > 0 && amount % 1024 === 0 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${amount}${UNITS[unit]}`;
}
