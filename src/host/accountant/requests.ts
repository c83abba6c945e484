import type { MessagePort } from "node:worker_threads";
import type { Errno, ErrnoName } from "../../core/base/errno.ts";
import type { DiskCharges } from "../../core/charges/disk-charges.ts";
import type { SwapLimit } from "../../core/notify/limit.ts";
import type { Policy } from "../../core/policy/policy.ts";
import type { JobAccount, RefusedCall, SwapFigures } from "../../core/procfs/accounts-port.ts";
import type { Outcome, Parked } from "../../core/vfs/parked.ts";
import type { RepairEnds } from "../repair/repair-process.ts";
import type { AdoptionQuota } from "./adoption-quota.ts";

/** How the name of a listener's record, and of its kept descriptor, begins; its number follows. */
export const LISTENER_RECORD = "listener ";

/** A listener on its way to the accountant's thread: the number it is recorded under, and its descriptor, which becomes the thread's. */
export interface NewListener {
  readonly number: number;
  readonly fd: number;
}

/** A process under accounting, as a list of uids needs it: pid, and its soft limit in pages. */
export type AccountedRow = readonly [pid: number, soft: number];

/** What one uid pays for: pages. */
export interface PayerRow {
  readonly uid: number;
  readonly reserved: number;
  readonly peak: number;
  readonly refusals: number;
}

/** How many numbers a part is that somebody else pays for. */
export const FOREIGN_NUMBERS = 3;

/** Who pays for the memory of a process. */
export interface Payment {
  /** Of what is private to the process; undefined where it is not under accounting. */
  readonly payer: number | undefined;
  /** Parts that somebody else pays for, in order, {@link FOREIGN_NUMBERS} each: start and end as pages, uid. */
  readonly foreign: Float64Array;
  /** Of shared objects, by name. */
  readonly objects: ReadonlyMap<string, number>;
}

/**
 * What the accountant's thread does for the rest of the process, a row each. Arguments and results are copied between threads. A
 * result may come later; an {@link Errno} that is thrown reaches whoever asked.
 */
export interface Requests {
  /** Where process `pid` is under accounting already it gets these limits, pages, and true is returned. */
  relimit(pid: number, limit: SwapLimit, budget: number, label?: string): boolean;
  /** `pid` has put itself under a filter and is to become a command. Its real uid. ESRCH. Its calls wait until {@link listen}. */
  launch(pid: number, limit: SwapLimit, budget: number, listener: NewListener, label?: string): number;
  /** The same for a process that a container runtime has put under a filter and is to become the container's, or is one more of it; `pid` 0: not known. */
  contain(pid: number, container: string, budget: number, listener: NewListener): number;
  /** EAGAIN where `uid` has that much under accounting already. */
  admitAdoption(uid: number, most: AdoptionQuota): void;
  /**
   * `pid` has been put under a filter: what it has is counted, and nothing refused. It is of a session of that uid, its parent's if that is
   * known; a tree of its own without it. As {@link launch}.
   */
  adopt(pid: number, listener: NewListener, sessionOf?: number): Outcome<number>;
  /** The listener of that number is kept for a successor: its calls are to be answered from now on. */
  listen(number: number): void;
  /** There is a repairer, which knows of no process yet. The descriptors become the thread's. */
  repairer(ends: RepairEnds): void;
  /** A process that was released for another tracer need not be free any longer. */
  seizeAgain(pid: number): void;
  /** No limit binds any more. */
  lift(): void;
  /** What the administrator lets each uid have, from now on, also of whoever is here. */
  setPolicy(policy: Policy): void;
  setOvercommit(bits: number): void;
  /** Nothing: what has happened before is known when it is answered, the ends of trees included. */
  catchUp(): void;
  /** Brings the figures up to date with the kernel's maps. */
  settle(): Outcome<void>;
  limit(pid: number): SwapLimit | undefined;
  /** Pages. EPERM to raise the hard limit unless one `mayRaise` it, EOPNOTSUPP where it is not under accounting. */
  setLimit(pid: number, limit: SwapLimit, mayRaise: boolean): void;
  refusals(pid: number): readonly RefusedCall[];
  swap(): SwapFigures;
  uids(): { readonly payers: readonly PayerRow[]; readonly accounted: readonly AccountedRow[] };
  jobs(): readonly JobAccount[];
  /** Pages. ENOENT for a job that is not there. */
  setBudget(job: number, pages: number): void;
  check(): readonly string[];
  payment(pid: number): Payment;
  /** As {@link DiskCharges}. */
  reserveDisk(...disk: Parameters<DiskCharges["reserve"]>): void;
  adoptDisk(...disk: Parameters<DiskCharges["adopt"]>): void;
  resizeDisk(...disk: Parameters<DiskCharges["resize"]>): void;
  releaseDisk(...disk: Parameters<DiskCharges["release"]>): void;
}

export type Method = keyof Requests;
export type Arguments<M extends Method> = Parameters<Requests[M]>;
export type Result<M extends Method> = Exclude<ReturnType<Requests[M]>, Parked<unknown>>;

/** To the thread. */
export type Message =
  | { readonly id: number; readonly method: Method; readonly args: readonly unknown[] }
  /** The other end of a thread that reads maps. */
  | { readonly reader: MessagePort }
  | "end";

/** From the thread. */
export type Report =
  /** The accounts of the process before this one have been taken over. */
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly code: ErrnoName; readonly reason: string }
  /** Nobody is left under the filter of that listener. */
  | { readonly kind: "ended"; readonly number: number }
  /** A thread that reads maps is wanted; the one before, if any, is held up. */
  | { readonly kind: "needReader" }
  /** A line for the log. */
  | { readonly kind: "print"; readonly line: string }
  /** Of history, as `core/history` writes it. */
  | { readonly kind: "history"; readonly block: Uint8Array };

/** What the thread begins with. */
export interface ThreadData {
  /** Where it keeps what must outlive this process; undefined: nowhere. */
  readonly dir: string | undefined;
  /** Whether somebody takes what it tells of history. */
  readonly keepsHistory: boolean;
  readonly policy: Policy;
  /** Rings when there is a message. */
  readonly bell: number;
  /** Listeners that the process before this one had: their descriptors become the thread's. */
  readonly kept: readonly NewListener[];
}
