import {
  PTRACE_EVENT_CLONE,
  PTRACE_EVENT_EXEC,
  PTRACE_EVENT_FORK,
  PTRACE_EVENT_STOP,
  PTRACE_EVENT_VFORK,
  PTRACE_EVENT_VFORK_DONE,
  SYSCALL_STOP,
} from "../abi/ptrace.ts";
import { SIGTRAP } from "../abi/signal.ts";
import type { Resume } from "./ptrace-port.ts";

/** At the entry of a system call, or at its exit: then with its result, which is -errno where it failed. */
export interface TracedCall {
  readonly kind: "syscall";
  readonly number: number;
  readonly args: readonly bigint[];
  readonly result?: bigint;
}

/**
 * Why a thread is stopped, ptrace(2) "Stopped states".
 * - `signal`: about to be delivered; ours to pass on or to drop.
 * - `step`: the trap after a single step. `off`: after one that was made to get a thread off a breakpoint. `call`: the same, where the
 *   instruction is a system call, at whose entry it has stopped.
 * - `syscall`: at the entry or the exit of a system call that is traced.
 * - `break`: the trap of a breakpoint instruction of ours, before which the thread stands again.
 * - `group`: job control stopped the whole process.
 * - `exec`: on the first instruction of a new image.
 * - `clone`: has just made a thread or a process. `vfork`: one that has its memory until `vforked`, when it has gone or executed something.
 * - `trap`: we asked for it, or a new thread's first stop.
 */
export type Stop =
  | { readonly kind: "signal"; readonly signal: number }
  | { readonly kind: "group"; readonly signal: number }
  | TracedCall
  | { readonly kind: "step" | "off" | "call" | "break" | "exec" | "clone" | "vfork" | "vforked" | "trap" };

/** The stop a wait status of a thread means that was resumed so. */
export function classifyStop(signal: number, event: number, resumed: Resume): Stop {
  switch (event) {
    case PTRACE_EVENT_STOP:
      return signal === SIGTRAP ? { kind: "trap" } : { kind: "group", signal };
    case PTRACE_EVENT_EXEC:
      return { kind: "exec" };
    case PTRACE_EVENT_CLONE:
    case PTRACE_EVENT_FORK:
      return { kind: "clone" };
    case PTRACE_EVENT_VFORK:
      return { kind: "vfork" };
    case PTRACE_EVENT_VFORK_DONE:
      return { kind: "vforked" };
    case 0:
      if (signal === (SIGTRAP | SYSCALL_STOP)) return { kind: "call" };
      if (signal !== SIGTRAP || (resumed !== "step" && resumed !== "off")) return { kind: "signal", signal };
      return { kind: resumed };
    default:
      return { kind: "trap" };
  }
}

/** Stops a debugging person is told about; the others are machinery. */
export function isReportable(stop: Stop): boolean {
  return ["signal", "step", "exec", "group", "syscall"].includes(stop.kind);
}

/** It is in the stop of a SIGTRAP that an instruction raised: there the tracer's death would deliver it. */
export function isTrapped(stop: Stop | undefined): boolean {
  return stop?.kind === "step" || stop?.kind === "off" || stop?.kind === "break";
}
