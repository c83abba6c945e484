import { Errno } from "../core/base/errno.ts";
import { refuseTooLittle } from "../core/policy/swap-limit.ts";

/** What was asked for; bytes, or Infinity. */
export interface WantedLimits {
  readonly soft: number;
  readonly budget: number;
  /** It is known that RLIMIT_SWAP only counts what root has. */
  readonly countOnly: boolean;
}

/**
 * Refuses limits that would not do what somebody who sets them believes: one that does not bind because the command is root's
 * (EPERM), one below which it ends before it has begun (EINVAL).
 */
export function refuseUseless({ soft, budget, countOnly }: WantedLimits, euid: number): void {
  const limited = soft !== Number.POSITIVE_INFINITY;
  if (countOnly && euid !== 0) {
    throw new Errno("EINVAL", "--count-only is for root, whom -w does not bind; without -w a command is only counted");
  }
  if (limited && euid === 0 && budget === Number.POSITIVE_INFINITY && !countOnly) {
    throw new Errno(
      "EPERM",
      "-w does not bind root, who is counted and not refused: say -j, which does, or --count-only",
    );
  }
  const binding = euid === 0 ? budget : Math.min(soft, budget);
  refuseTooLittle(binding);
}
