import type { Tid } from "../base/brand.ts";

/** Bytes that a breakpoint instruction stands in place of. */
export interface Patch {
  readonly address: number;
  readonly original: Uint8Array;
  /** The instruction there is a system call. */
  readonly isCall: boolean;
}

/** What one debug register watches: so many bytes, 1, 2, 4 or 8, at an address that is a multiple of that. */
export interface WatchSlot {
  readonly address: number;
  readonly length: number;
  readonly access: "w" | "rw";
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
  /** How many things a thread can watch; 0 where it is not known how. */
  readonly watchRegisters: number;
  /** Sets the debug registers of a stopped thread, all of them. */
  setWatches(tid: Tid, slots: readonly WatchSlot[]): void;
  /** The same, to find out whether they can be: EINVAL, ENOSPC. */
  tryWatches(tid: Tid, slots: readonly WatchSlot[]): void;
  /** Which of them, by place in that list, the trap reports that a thread has stopped at. Told once. */
  watchesHit(tid: Tid): readonly number[];
  /** Memory of the process, undefined where it cannot be read at once. */
  read(address: number, length: number): Uint8Array | undefined;
  /** The process executes another program: what is known of its memory means nothing any more. */
  forget(): void;
  /** From now on these threads, and those they make, stop where they have made a process by fork or vfork. */
  reportForks(tids: readonly Tid[]): void;
}
