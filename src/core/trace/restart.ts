/**
 * A call that waits for its listener to receive it is given up for any signal that is caught, with -ERESTARTSYS: behind a handler
 * without SA_RESTART the program sees EINTR. A tracer at the stop before the delivery can make that -ERESTARTNOINTR, and the kernel
 * makes the call again, whatever the handler's flags.
 */
import type { Arch, InterruptedCall } from "../abi/arch/arch.ts";
import { PTRACE_EVENT_CLONE, PTRACE_EVENT_EXEC, PTRACE_EVENT_FORK, PTRACE_EVENT_STOP } from "../abi/ptrace.ts";
import { EINTR, ERESTARTNOINTR, ERESTARTSYS } from "../abi/restart.ts";
import { SIGTRAP } from "../abi/signal.ts";

/** What a process that is seized for the sake of its signals alone gets at a stop. */
export type StopAction =
  /** A signal is about to be delivered: its call is looked at, and the signal passed on. */
  | { readonly do: "deliver"; readonly signal: number }
  /** On, as if there had been no stop. */
  | { readonly do: "go" }
  /** It has made a process or a thread, which is seized as well; then on. */
  | { readonly do: "born" }
  /** Job control has stopped it: it stays so, and hears of the end of that. */
  | { readonly do: "listen" }
  /** Another program, without handlers: nothing to do for it any more. */
  | { readonly do: "release" };

export function actionAt(signal: number, event: number): StopAction {
  switch (event) {
    case 0:
      return { do: "deliver", signal };
    case PTRACE_EVENT_STOP:
      return { do: signal === SIGTRAP ? "go" : "listen" };
    case PTRACE_EVENT_EXEC:
      return { do: "release" };
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_CLONE:
      return { do: "born" };
    default:
      return { do: "go" };
  }
}

/** Registers of a stopped thread, in the kernel's layout: fewer bytes where it runs 32-bit code. */
export class CallRepair {
  readonly #layouts: readonly (InterruptedCall & { readonly calls: ReadonlySet<number> })[];

  /** `calls` tells the numbers of the calls that may wait to be received, of one of the processor's calling conventions. */
  constructor({ interrupted, abis }: Arch, calls: (abi: Arch["abis"][number]) => ReadonlySet<number>) {
    this.#layouts = interrupted.map((layout) => ({ ...layout, calls: calls(abis[layout.abi]!) }));
  }

  /**
   * Whether the registers showed a call that failed or would fail only because of us: given up before it was received, or woken by what no
   * handler `hears`, which is asked only then. They say now that it is to be made again.
   */
  repeat(registers: Uint8Array, hears: () => boolean): boolean {
    const layout = this.#layouts.find(({ registerSize }) => registerSize === registers.length);
    if (!layout) return false;
    const view = new DataView(registers.buffer, registers.byteOffset, registers.length);
    // A negative number of 32 bits: of 64 the upper half is all ones, and stays so.
    if (layout.word === 8 && view.getInt32(layout.result + 4, true) !== -1) return false;
    const result = view.getInt32(layout.result, true);
    const number = view.getInt32(layout.number, true);
    const isGivenUp = result === -ERESTARTSYS && layout.calls.has(number);
    if (!isGivenUp && !(result === -EINTR && layout.wokenInVain.includes(number) && !hears())) return false;
    view.setInt32(layout.result, -ERESTARTNOINTR, true);
    return true;
  }
}
