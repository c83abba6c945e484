import type { Tid } from "../base/brand.ts";

/** How a stopped thread goes on; `off`: by one instruction, to get off a breakpoint; `call`: the same, that is a system call. */
export type Resume = "run" | "step" | "off" | "call";

/** Where a thread is in a system call, at one of its two stops. */
export type CallStop =
  | { readonly at: "enter"; readonly number: number; readonly args: readonly bigint[] }
  | { readonly at: "leave"; readonly result: bigint };

/**
 * What the rules ask of ptrace(2), for the threads of one process. Each method may throw ESRCH: the thread was killed a
 * moment ago, and its exit will be reported.
 */
export interface PtracePort {
  /**
   * PTRACE_SEIZE: new threads are taken along, exec is reported, the tracer's death lets the target run on. False when
   * the kernel has taken the thread along already, which will report a first stop by itself.
   */
  seize(tid: Tid): boolean;
  /** PTRACE_INTERRUPT: a stop will be reported, with no signal sent. */
  interrupt(tid: Tid): void;
  /** PTRACE_CONT, PTRACE_SINGLESTEP or PTRACE_SYSCALL, delivering `signal` (0: none). */
  resume(tid: Tid, how: Resume, signal: number): void;
  /** PTRACE_DETACH, delivering `signal` (0: none). */
  detach(tid: Tid, signal: number): void;
  /** PTRACE_GET_SYSCALL_INFO, at a system call stop; undefined where it is none, or the kernel does not say. */
  callStop(tid: Tid): CallStop | undefined;
  /** PTRACE_GETEVENTMSG. */
  eventMessage(tid: Tid): number;
  /** A SIGTRAP waits to be delivered to this very thread. */
  hasPendingTrap(tid: Tid): boolean;
  /** The living threads of the process. */
  threads(): readonly Tid[];
  /** Sends a signal to the process, as kill(2). */
  kill(signal: number): void;
}
