import { PTRACE_EVENT_CLONE, PTRACE_EVENT_EXEC, PTRACE_EVENT_STOP } from "../abi/ptrace.ts";
import { SIGTRAP } from "../abi/signal.ts";

/**
 * Why a thread is stopped, ptrace(2) "Stopped states".
 * - `signal`: about to be delivered; ours to pass on or to drop.
 * - `step`: the trap after a single step.
 * - `group`: job control stopped the whole process.
 * - `exec`: on the first instruction of a new image.
 * - `clone`: has just made a thread.
 * - `trap`: we asked for it, or a new thread's first stop.
 */
export type Stop =
  | { readonly kind: "signal"; readonly signal: number }
  | { readonly kind: "group"; readonly signal: number }
  | { readonly kind: "step" | "exec" | "clone" | "trap" };

/** The stop a wait status means. `stepping`: the thread was resumed for a single step. */
export function classifyStop(signal: number, event: number, stepping: boolean): Stop {
  switch (event) {
    case PTRACE_EVENT_STOP:
      return signal === SIGTRAP ? { kind: "trap" } : { kind: "group", signal };
    case PTRACE_EVENT_EXEC:
      return { kind: "exec" };
    case PTRACE_EVENT_CLONE:
      return { kind: "clone" };
    case 0:
      return stepping && signal === SIGTRAP ? { kind: "step" } : { kind: "signal", signal };
    default:
      return { kind: "trap" };
  }
}

/** Stops a debugging person is told about; the others are machinery. */
export function isReportable(stop: Stop): boolean {
  return stop.kind === "signal" || stop.kind === "step" || stop.kind === "exec" || stop.kind === "group";
}
