import type { ChronicleOptions } from "./chronicle.ts";
import type { LoopOwner } from "./loop-owner.ts";

/** What the accounts need of their thread. */
export interface BookkeeperHost {
  /** Logs a line. */
  print(line: string): void;
  /** No process is under the filter of that listener any more. */
  ended(listener: number): void;
  failed: LoopOwner["failed"];
  /** A reader thread is needed, the first one or another one: `Bookkeeper.reader` takes its port. */
  needReader(): void;
  /** Messages have come. */
  messages(): void;
  readonly pulse: LoopOwner["pulse"];
  readonly keep: ChronicleOptions["keep"];
}
