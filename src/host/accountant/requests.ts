import type { MessagePort } from "node:worker_threads";
import type { Errno, ErrnoName } from "../../core/base/errno.ts";
import type { DiskCharges } from "../../core/charges/disk-charges.ts";
import type { Policy } from "../../core/policy/policy.ts";
import type { JobAccount, RefusedCall, SwapFigures } from "../../core/procfs/accounts-port.ts";
import type { SwapLimit } from "../../core/space/limit.ts";
import type { Outcome, Parked } from "../../core/vfs/parked.ts";
import type { RepairEnds } from "../repair/repair-setting.ts";
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
  /** The uid that pays for private memory; undefined where the process is not under accounting. */
  readonly payer: number | undefined;
  /** Ranges that another uid pays for, in order of address, {@link FOREIGN_NUMBERS} numbers each: start page, end page, uid. */
  readonly foreign: Float64Array;
  /** The uid that pays for each shared object, by the object's name. */
  readonly objects: ReadonlyMap<string, number>;
}

/**
 * What the main thread can ask of the accountant's thread, one method a request. Arguments and results are copied between the threads. All
 * limits and sizes are pages. A result that is an Outcome may come later; an {@link Errno} that is thrown is what the request fails with.
 */
export interface Requests {
  /** Gives process `pid` this limit and budget if it is under accounting. False: it is not, and nothing has changed. */
  relimit(pid: number, limit: SwapLimit, budget: number, label?: string): boolean;
  /**
   * Process `pid` has put itself under the filter of `listener` and will execute a command. Returns its real uid. Its calls wait until
   * {@link listen}. The descriptor of `listener` is closed on failure. `label`: the name of its job. ESRCH.
   */
  launch(pid: number, limit: SwapLimit, budget: number, listener: NewListener, label?: string): number;
  /**
   * As {@link launch}, for a process that a container runtime has put under the filter: the first process of the container, or one that enters it.
   * `pid` 0: not known.
   */
  contain(pid: number, container: string, budget: number, listener: NewListener): number;
  /** Fails with EAGAIN where `uid` has as much under accounting as `most` says. */
  admitAdoption(uid: number, most: AdoptionQuota): void;
  /**
   * Process `pid`, which runs, was put under the filter of `listener`: it is charged with what its map shows, whatever the limits.
   * `sessionOf`: the uid whose login session it belongs to; the job of its parent is that session, if the parent is known. Otherwise as
   * {@link launch}.
   */
  adopt(pid: number, listener: NewListener, sessionOf?: number): Outcome<number>;
  /** The keeper holds the listener of that number: its calls are answered from now on. */
  listen(number: number): void;
  /** A repairer has started, which knows no process yet. The thread owns the descriptors from now on. */
  repairer(ends: RepairEnds): void;
  /** A process that the repairer has released for another tracer may be seized again. */
  seizeAgain(pid: number): void;
  /** Lifts all limits and budgets. */
  lift(): void;
  /** Sets the administrator's limits, of present and later processes. */
  setPolicy(policy: Policy): void;
  /** Sets the bits of vm.overcommit. */
  setOvercommit(bits: number): void;
  /** Does nothing: when it is answered, everything that happened before it was asked is known, exits included. */
  catchUp(): void;
  /** Brings the figures up to date with the kernel's maps. */
  settle(): Outcome<void>;
  /** The limit that binds a process; undefined where it is not under accounting. */
  limit(pid: number): SwapLimit | undefined;
  /** Sets RLIMIT_SWAP of a process. EPERM: the hard limit would rise and `mayRaise` is false. EOPNOTSUPP: not under accounting. */
  setLimit(pid: number, limit: SwapLimit, mayRaise: boolean): void;
  /** The last refused calls of a process, oldest first; sizes in bytes. */
  refusals(pid: number): readonly RefusedCall[];
  /** The totals of the machine; sizes in bytes. */
  swap(): SwapFigures;
  /** Every uid that pays for something, and every accounted process. */
  uids(): { readonly payers: readonly PayerRow[]; readonly accounted: readonly AccountedRow[] };
  /** Every job that may have processes. */
  jobs(): readonly JobAccount[];
  /** Sets the budget of a job: pages. ENOENT: there is no such job. */
  setBudget(job: number, pages: number): void;
  /** A line for each total that differs from the sum of its charges, and for each shortfall. Empty: all is well. */
  check(): readonly string[];
  /** The lines of the file `counters`. */
  counters(): readonly string[];
  /** Who pays for the memory of a process. */
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
  /** The port of a reader thread that is being started. */
  | { readonly reader: MessagePort }
  /** The thread is to end. */
  | "end";

/** From the thread. */
export type Report =
  /** The accounts of the daemon before this one have been restored, if there was one. */
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly code: ErrnoName; readonly reason: string }
  /** No process is left under the filter of that listener. */
  | { readonly kind: "ended"; readonly number: number }
  /** A reader thread is needed; the last one, if any, is held up. */
  | { readonly kind: "needReader" }
  /** A line for the log. */
  | { readonly kind: "print"; readonly line: string }
  /** Of history, as `core/history` writes it. */
  | { readonly kind: "history"; readonly block: Uint8Array };

/** What the thread begins with. */
export interface ThreadData {
  /** The directory of the journal and the slots, which outlive this process; undefined: neither is kept. */
  readonly dir: string | undefined;
  /** Whether somebody takes what it tells of history. */
  readonly keepsHistory: boolean;
  readonly policy: Policy;
  /** The eventfd that rings when there is a message. It stays the main thread's. */
  readonly bell: number;
  /** Where it shows that it turns: of a Pulse. */
  readonly pulse: Int32Array;
  /** Listeners of the daemon before this one. The thread owns their descriptors. */
  readonly kept: readonly NewListener[];
}
