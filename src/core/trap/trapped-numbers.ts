import type { SyscallAbi } from "../abi/arch/arch.ts";
import { WATCHED_CALLS } from "./watched-calls.ts";

/**
 * The numbers of the calls that our filter may send to its listener: a thread can wait in one of them for its notification to be received.
 */
export function trappedNumbers({ numbers }: SyscallAbi): ReadonlySet<number> {
  const trapped = WATCHED_CALLS.filter(({ decode }) => typeof decode === "function").map(({ name }) => numbers[name]);
  return new Set(trapped.filter((number) => number !== undefined));
}
