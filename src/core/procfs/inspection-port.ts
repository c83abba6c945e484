import type { Tid } from "../base/brand.ts";
import type { FoundPlace, PlaceName } from "../symbols/find-place.ts";
import type { Frame } from "../symbols/unwind.ts";
import type { Caller } from "../vfs/caller.ts";
import type { Outcome } from "../vfs/parked.ts";
import type { Process, RegisterSet, TimeVal } from "./ports.ts";

/** What the kernel keeps of a process as bytes: the auxiliary vector, the arguments and the environment, each with a NUL behind it. */
export type ProcessBytes = "auxv" | "cmdline" | "environ";

/** A register within its set: a little-endian number of `size` bytes at byte `at`. */
export interface RegisterField {
  readonly name: string;
  readonly at: number;
  readonly size: number;
}

/** Signals by name, in the order of their numbers. */
export interface SignalSets {
  readonly pending: readonly string[];
  /** To this very thread. */
  readonly "thread-pending": readonly string[];
  readonly blocked: readonly string[];
  readonly ignored: readonly string[];
  readonly caught: readonly string[];
}

/** A thread as the scheduler has it. */
export interface ThreadInfo {
  readonly comm: string;
  /** One letter, proc_pid_status(5). */
  readonly state: string;
  readonly user: TimeVal;
  readonly system: TimeVal;
  /** What it sleeps on, as far as the caller may know; empty when it does not sleep. */
  readonly waitChannel: string;
}

/** What a process is, seen from outside. The kernel lets `caller` see it, or not: EPERM, ESRCH. */
export interface Inspection {
  /** The registers of each set, in order; those of `debug` are not told apart. */
  readonly registers: Readonly<Record<RegisterSet, readonly RegisterField[]>>;
  /**
   * The calls of a thread, absent the current one, that have not returned, the innermost first. A running thread is held for the
   * moment, as for its registers. EDEADLK for the caller itself.
   */
  stack(process: Process, caller: Caller, tid?: Tid): Outcome<readonly Frame[]>;
  /** The signals of a thread, absent the first one. ESRCH. */
  signals(process: Process, tid?: Tid): SignalSets;
  /** A thread as the scheduler has it. ESRCH. */
  thread(process: Process, caller: Caller, tid: Tid): Outcome<ThreadInfo>;
  /** Where a symbol or a line is in memory. ENOENT where neither the program nor its libraries know it. */
  find(process: Process, caller: Caller, place: PlaceName): Outcome<FoundPlace>;
  bytes(process: Process, caller: Caller, which: ProcessBytes): Outcome<Uint8Array>;
  /** Path of the working directory and of the root, one character a byte. ENOENT for a zombie. */
  directory(process: Process, caller: Caller, which: "cwd" | "root"): Outcome<string>;
}
