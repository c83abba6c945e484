import type { Tid } from "../base/brand.ts";

/** Bytes that a breakpoint instruction stands in place of. */
export interface Patch {
  readonly address: number;
  readonly original: Uint8Array;
  /** The instruction there is a system call. */
  readonly isCall: boolean;
}

/**
 * What breakpoints need of the machine, for the threads of one process. Of a thread that was killed a moment ago nothing is told
 * and nothing changed: its exit will be reported. What `done` belongs to may take its time; it is called once, always.
 */
export interface CodePort {
  /** The breakpoint instruction whose trap this SIGTRAP stop reports: its address. Undefined where something else raised the signal. */
  trapped(tid: Tid): number | undefined;
  /** Where the breakpoint instruction is that a stopped thread has just executed, if it has executed one. */
  before(tid: Tid): number | undefined;
  /** Where a stopped thread stands; undefined when it has been killed, and where it goes back to a call that the stop has interrupted. */
  counter(tid: Tid): number | undefined;
  setCounter(tid: Tid, address: number): void;
  /** A general register of a stopped thread by name; undefined when it has been killed. */
  register(tid: Tid, name: string): bigint | undefined;
  /** Puts breakpoint instructions into the memory of the process, all threads of which are stopped. `done` gets those that are to be taken out. */
  plant(addresses: readonly number[], done: (planted: readonly Patch[]) => void): void;
  /** Puts back what they stand in place of, wherever they still stand, also while threads run. */
  restore(patches: readonly Patch[], done: () => void): void;
  /** The same in the memory of a child that the process has made by fork, and that is stopped. */
  restoreIn(child: Tid, patches: readonly Patch[], done: () => void): void;
  /** The process executes another program: what is known of its memory means nothing any more. */
  forget(): void;
  /** From now on these threads, and those they make, stop where they have made a process by fork or vfork. */
  reportForks(tids: readonly Tid[]): void;
}
