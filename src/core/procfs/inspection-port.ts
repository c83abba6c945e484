import type { Frame } from "../symbols/unwind.ts";
import type { Caller } from "../vfs/caller.ts";
import type { Outcome } from "../vfs/parked.ts";
import type { Process } from "./ports.ts";

/** What the kernel keeps of a process as bytes: the auxiliary vector, the arguments and the environment, each with a NUL behind it. */
export type ProcessBytes = "auxv" | "cmdline" | "environ";

/** What a process is, seen from outside. The kernel lets `caller` see it, or not: EPERM, ESRCH. */
export interface Inspection {
  /** The fields of the general register set in order: field i is the 64 bits at byte 8 * i. */
  readonly registerNames: readonly string[];
  /**
   * The calls of the current thread that have not returned, the innermost first. A running thread is held for the moment,
   * as for its registers. EDEADLK for the caller itself.
   */
  stack(process: Process, caller: Caller): Outcome<readonly Frame[]>;
  bytes(process: Process, caller: Caller, which: ProcessBytes): Outcome<Uint8Array>;
  /** Path of the working directory and of the root, one character a byte. ENOENT for a zombie. */
  directory(process: Process, caller: Caller, which: "cwd" | "root"): Outcome<string>;
}
