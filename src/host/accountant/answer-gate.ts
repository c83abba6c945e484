import type { Verdict } from "../../core/notify/accounts.ts";
import type { AccountedProcess } from "../../core/space/process.ts";
import type { TrappedCall } from "../../core/trap/notification.ts";

/** How long a gate may hold an answer back: then it is given as it was decided. */
export const GATE_DEADLINE_MS = 50;

/** What a gate can ask of the loop that gives the answers. Both run on the accountant's thread, which must never wait. */
export interface GateLoop {
  /**
   * Calls `ready` when `fd` is readable or hung up, from between two decisions and never from within {@link AnswerGate.covers}. The
   * descriptor stays the gate's, which calls the returned function before it closes it.
   */
  watch(fd: number, ready: () => void): () => void;
}

/**
 * Holds back answers that are decided until something else has been done for the caller. Meanwhile the caller waits in its call, and only a
 * fatal signal ends that. No method may block, or make a system call that the caller's owner can make block.
 */
export interface AnswerGate {
  /** Whether the gate may hold back the answer to such a call. Asked first, for every call. */
  concerns(call: TrappedCall): boolean;
  /**
   * Asked once for each answer that has been decided, before it is given. True: give it now. False: hold it until `open` is called, from a
   * later turn of the loop, or {@link GATE_DEADLINE_MS} have passed; `open` may name another answer to give instead. It does nothing the
   * second time, after the deadline, or when the caller has died. `process` is undefined where the caller is not known to the accounts
   * (yet). An exception counts as true.
   */
  covers(
    call: TrappedCall,
    answer: Exclude<Verdict, "wait">,
    process: AccountedProcess | undefined,
    open: (instead?: Exclude<Verdict, "wait">) => void,
  ): boolean;
  /** An accounted process has exited. */
  ended(process: AccountedProcess): void;
  /** The loop ends; no `open` has an effect any more. */
  close(): void;
}

/** Makes a gate, on the thread that answers. */
export type MakeGate = (loop: GateLoop) => AnswerGate;
