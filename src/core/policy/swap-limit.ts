import { Errno } from "../base/errno.ts";
import { formatSize, parseSize } from "../base/size.ts";

/** RLIMIT_SWAP as people say it: bytes, Infinity for none. */
export interface SwapBytes {
  readonly soft: number;
  readonly hard: number;
}

/**
 * A program cannot begin with less: of the limits in steps of 128 KiB the first that let one get to its end were 256 KiB
 * (dynamic, an empty main), 384 KiB (static), 512 KiB (dash), 640 KiB (cat). Below, exec or the loader ends it by SIGSEGV.
 */
export const LEAST_TO_BEGIN: number = 1024 * 1024;

/** EINVAL below {@link LEAST_TO_BEGIN}. */
export function refuseTooLittle(bytes: number): void {
  if (bytes >= LEAST_TO_BEGIN) return;
  const least = formatSize(LEAST_TO_BEGIN);
  throw new Errno("EINVAL", `with ${formatSize(bytes)} no program can begin: say ${least} or more`);
}

/** `soft[:hard]`; a hard limit that is not given is the soft one. EINVAL. */
export function parseSwapLimit(text: string): SwapBytes {
  const [soft, hard = soft, ...rest] = text.split(":").map((size) => parseSize(size, "infinity"));
  if (rest.length > 0) throw new Errno("EINVAL", "say SOFT or SOFT:HARD");
  if (hard! < soft!) throw new Errno("EINVAL", "the hard limit is below the soft one");
  return { soft: soft!, hard: hard! };
}

/** What {@link parseSwapLimit} reads back as the same. */
export function formatSwapLimit({ soft, hard }: SwapBytes): string {
  return soft === hard ? formatSize(soft) : `${formatSize(soft)}:${formatSize(hard)}`;
}
