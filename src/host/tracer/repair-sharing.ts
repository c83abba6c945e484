import type { Pid, Tid } from "../../core/base/brand.ts";
import type { Outcome } from "../../core/vfs/parked.ts";

/** A process has one tracer: how this one shares the place with who repairs the interrupted calls of processes under accounting. */
export interface RepairSharing {
  /** Whether a process is seized for that. */
  has(pid: Pid): boolean;
  /** Done when it is free. EBUSY where it does not stop. */
  release(pid: Pid): Outcome<void>;
  /** It is free for whoever has released it no longer. */
  again(pid: Pid): void;
  /** The same repair for a thread of ours that is stopped before the delivery of a signal. */
  repeatCall(tid: Tid, signal: number): void;
}

/** Nobody else traces. */
export const UNSHARED: RepairSharing = { has: () => false, release: () => {}, again: () => {}, repeatCall: () => {} };
