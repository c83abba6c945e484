import type { Stop, TracedCall } from "./stop.ts";

/**
 * Why a process under control is stopped, as its controller is told.
 * - `attach`, `halt`: because of that word.
 * - `held`: of one thread, because of what another one reports.
 * - `lost`: the thread that was to do a step has exited.
 * - `step`: an instruction was executed.
 * - `exec`: another program is about to execute its first instruction.
 * - `break`: a thread stands on that breakpoint. `watch`: it has touched what is watched. `until`, `next`, `finish`: it has come where that
 *   word has sent it.
 * - `syscall`: it enters or leaves a system call that is traced.
 * - `signal`: one is about to be delivered. `group`: job control has stopped the process.
 */
export type Why =
  | { readonly kind: "attach" | "halt" | "held" | "lost" | "step" | "exec" }
  | {
      readonly kind: "break" | "watch" | "until" | "next" | "finish";
      readonly number: number;
      readonly address: number;
      /** Of a watchpoint, as far as it is known. */
      readonly old?: bigint | undefined;
      readonly new?: bigint | undefined;
    }
  | TracedCall
  | { readonly kind: "signal" | "group"; readonly signal: number };

/** What a thread's stop means to a person; undefined for machinery. */
export function whyOf(stop: Stop): Why | undefined {
  switch (stop.kind) {
    case "signal":
    case "group":
      return { kind: stop.kind, signal: stop.signal };
    case "syscall":
      return stop;
    case "step":
    case "exec":
      return { kind: stop.kind };
    default:
      return undefined;
  }
}
