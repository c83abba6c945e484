import { BreakTable } from "./break-table.ts";
import { Breakpoints } from "./breakpoints.ts";
import type { CodePort } from "./code-port.ts";
import { classifyStop, type Stop } from "./stop.ts";
import type { Thread } from "./thread-set.ts";
import { Watchpoints } from "./watchpoints.ts";

/** All places at which a process is to stop: the table of them, and what is done for it in its memory and its debug registers. */
export class Places {
  readonly table: BreakTable = new BreakTable();
  readonly breaks: Breakpoints;
  readonly watches: Watchpoints;

  constructor(code: CodePort) {
    this.breaks = new Breakpoints(code, this.table);
    this.watches = new Watchpoints(code, this.table);
  }

  /** The stop that a wait status of a thread means; where it has come to one of the places that is noted. */
  classify(thread: Thread, signal: number, event: number): Stop {
    const stop = classifyStop(signal, event, thread.resumed);
    return this.breaks.classify(thread, this.watches.classify(thread, stop));
  }

  /** Whether an interrupt may have overtaken the trap of one of the places, which is still to come. */
  mayHaveTrapped({ tid }: Thread): boolean {
    return this.watches.any || this.breaks.mayHaveTrapped(tid);
  }

  /** The process executes another program. */
  forget(): void {
    this.table.forget();
    this.breaks.forget();
    this.watches.changed();
  }
}
