import type { Tid } from "../base/brand.ts";
import type { Caller } from "../vfs/caller.ts";
import type { Outcome } from "../vfs/parked.ts";
import type { Process } from "./ports.ts";

/** `until`, `next` and `finish` are where the process is on its way to by that word. */
export type BreakKind = "break" | "watch" | "until" | "next" | "finish";

/** What a watchpoint waits for: that its bytes are read, written, or either. */
export type Access = "r" | "w" | "rw";

/** A breakpoint as it is asked for. */
export interface BreakRequest {
  readonly kind: BreakKind;
  readonly address: number;
  /** Where it is, in the words in which it was asked for. */
  readonly asked: string;
  /** Only this thread stops there; absent: any. */
  readonly thread?: Tid | undefined;
  /** Only while this register has this value; absent: always. */
  readonly condition?: { readonly register: string; readonly value: bigint; readonly orMore?: true } | undefined;
  /** Of a watchpoint; bytes. */
  readonly watch?: { readonly length: number; readonly access: Access } | undefined;
}

/** One that is there. */
export interface Breakpoint extends BreakRequest {
  readonly number: number;
  /** How often somebody was told that a thread has come there. */
  readonly hits: number;
  /**
   * It was not set, or not in every thread, when the process ran last: there was no memory that could be changed, or somebody else
   * had the debug registers.
   */
  readonly missing: boolean;
}

/** Bytes of code that a breakpoint stands in place of, while the process runs. */
export interface Patched {
  readonly address: number;
  readonly original: Uint8Array;
}

/** Breakpoints of a process under control; they end with that, and with an exec. */
export interface Debugger {
  /** EBUSY unless stopped under the caller's control; EFAULT where no instruction is, EPERM where it cannot be changed, EAGAIN for too many, ENOSPC for
   * more than the processor can watch. */
  breakAt(process: Process, caller: Caller, request: BreakRequest): Outcome<void>;
  /**
   * Runs the process until its current thread comes there; a stop for any other reason ends that. EBUSY, EFAULT, EPERM as
   * {@link breakAt}.
   */
  goTo(process: Process, caller: Caller, request: BreakRequest): Outcome<void>;
  /** One instruction of the current thread, and where that is a call until it has returned. EBUSY. */
  next(process: Process, caller: Caller): Outcome<void>;
  /** Signals by name, `all` or those that are delivered without a stop from now on, or with one again. EBUSY, EINVAL for a name that is none. */
  ignore(process: Process, caller: Caller, names: readonly string[], tell: boolean): void;
  /** System calls by name, `all` or `none`, at which threads stop from the next run on. EBUSY, EINVAL for a name that is none. */
  traceCalls(process: Process, caller: Caller, names: readonly string[]): void;
  /** The general register that points at the stack. */
  readonly stackPointer: string;
  /** By number. EBUSY, ENOENT. */
  clear(process: Process, caller: Caller, which: number | "all"): Outcome<void>;
  breakpoints(process: Process): readonly Breakpoint[];
  /** What is in the memory of a process that runs, in place of what its program says. */
  patches(process: Process): readonly Patched[];
  /** Where breakpoints are being put in or taken out in this moment, which takes its time. */
  changing(process: Process): readonly number[];
  /** What stands in place of those bytes. */
  readonly breakInstruction: Uint8Array;
}
