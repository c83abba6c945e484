import type { Caller } from "../vfs/caller.ts";
import type { Outcome } from "../vfs/parked.ts";
import type { Process } from "./ports.ts";

/** A resource limit: Infinity for none. */
export interface Limit {
  /** As in FreeBSD's procfs_rlimit.c, where it has one. */
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** A call that was refused memory; sizes in bytes. */
export interface RefusedCall {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly call: string;
  readonly bytes: number;
  /** Which limit: the process's RLIMIT_SWAP, its job's budget, the machine's supply. */
  readonly reason: "rlimit" | "job" | "supply";
  readonly used: number;
  readonly limit: number;
}

/** The global totals, bytes; Infinity for a supply without end. */
export interface SwapFigures {
  readonly total: number;
  readonly reserved: number;
  /** Bits of vm.overcommit. */
  readonly overcommit: number;
  readonly supply: number;
}

/** What one uid pays for; sizes in bytes. */
export interface UidAccount {
  readonly uid: number;
  readonly reserved: number;
  /** The lowest soft RLIMIT_SWAP of its processes, Infinity without. */
  readonly limit: number;
  readonly peak: number;
  readonly refusals: number;
  /** Processes under accounting, and those that are only looked at, with what these have. */
  readonly accounted: number;
  readonly observed: number;
  readonly observedBytes: number;
}

/** A tree of processes with a budget of its own; sizes in bytes. */
export interface JobAccount {
  readonly id: number;
  /** The name of a command under `run --name`, `container ID`, `session UID`; undefined where it has none. */
  readonly name: string | undefined;
  /** The process that it began with; undefined when that has exited. */
  readonly pid: number | undefined;
  readonly processes: number;
  readonly reserved: number;
  /** Infinity for none. */
  readonly limit: number;
  readonly peak: number;
  /** Calls that this budget has refused. */
  readonly refusals: number;
}

/** A process of a uid that has limits, which does not hold it to them. */
export interface UnaccountedProcess {
  readonly pid: number;
  readonly uid: number;
  /** Why it is not under accounting: an errno and one line. */
  readonly reason: string;
}

/** Anonymous memory: who pays for what, and how much there may be. Kept elsewhere: whatever is asked may come later. */
export interface Accounts {
  /** Whose the files beside the processes are. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Brings the figures up to date with the kernel's maps, when calls that were let go a moment ago have happened. */
  settle(): Outcome<void>;
  /**
   * The text of `map`, a line each mapping, for whoever may debug the process, as the kernel lets `caller` see it: EPERM, ESRCH. It is
   * shared by its readers.
   */
  map(process: Process, caller: Caller): Outcome<Uint8Array>;
  limits(process: Process): Outcome<readonly Limit[]>;
  /** Sets RLIMIT_SWAP, bytes. EPERM to raise the hard limit without being root, EINVAL, EOPNOTSUPP where it is not under accounting. */
  setSwapLimit(process: Process, caller: Caller, soft: number, hard: number): Outcome<void>;
  refusals(process: Process): Outcome<readonly RefusedCall[]>;
  swap(): Outcome<SwapFigures>;
  /** EPERM but for root and the server's own user. */
  setOvercommit(caller: Caller, bits: number): Outcome<void>;
  uids(): Outcome<readonly UidAccount[]>;
  jobs(): Outcome<readonly JobAccount[]>;
  /** Sets the budget of a job, bytes. EPERM but for root and the server's own user; ENOENT for a job that is not there. */
  setJobLimit(caller: Caller, id: number, limit: number): Outcome<void>;
  /** Processes that should be under accounting and cannot be. */
  unaccounted(): Outcome<readonly UnaccountedProcess[]>;
  /** What has been decided since the accounts began, a line each. */
  counters(): Outcome<readonly string[]>;
  /** Counts everything again; a line for each total that is not true. */
  check(): Outcome<readonly string[]>;
  /**
   * From now on the process, its threads and its later children are accounted and held to their limits; for good. As attach, and
   * EBUSY when another program supervises its calls; EOPNOTSUPP where nothing keeps accounts.
   */
  adopt(process: Process, caller: Caller): Outcome<void>;
}
