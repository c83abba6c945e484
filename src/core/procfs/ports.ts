/** What the process file system needs from the machine. `host/` implements it; every method throws {@link Errno}. */
import type { Pid, Tid } from "../base/brand.ts";
import type { Caller } from "../vfs/caller.ts";
import type { Outcome } from "../vfs/parked.ts";
import type { Accounts } from "./accounts-port.ts";
import type { Debugger } from "./breakpoints-port.ts";
import type { History } from "./history-port.ts";
import type { Inspection } from "./inspection-port.ts";
import type { ControlScope } from "./options.ts";
import type { Quotas } from "./quotas.ts";

/** Seconds and microseconds. */
export interface TimeVal {
  readonly sec: number;
  readonly usec: number;
}

/** The facts of the status line, docs/semantics.md, "The status line". */
export interface ProcessInfo {
  /** One character a byte, unescaped. */
  readonly comm: string;
  readonly pid: Pid;
  readonly ppid: number;
  readonly pgrp: number;
  /** Pid of the living session leader, 0 when it is gone. */
  readonly session: number;
  /** This process's controlling terminal. */
  readonly tty: { readonly major: number; readonly minor: number } | undefined;
  /** The session has a controlling terminal. */
  readonly sessionHasTty: boolean;
  readonly sessionLeader: boolean;
  readonly start: TimeVal;
  readonly user: TimeVal;
  readonly system: TimeVal;
  /** What it sleeps on, as far as the caller may know; empty when it does not sleep. */
  readonly waitChannel: string;
  readonly euid: number;
  readonly egid: number;
  readonly groups: readonly number[];
}

/**
 * One process for its whole life: identity is (pid, start time), so an object never comes to mean another process that
 * got the same pid. Methods throw ESRCH once it has been reaped. What may have to wait for the process is an outcome: it
 * fails with ETIMEDOUT when the process keeps us waiting, with EAGAIN when too much waits already.
 */
export interface Process {
  readonly pid: Pid;
  /** Unlike that of any other process that has or will have this pid; as `lifeOf` has it. */
  readonly life: number;
  /** Still in the process table; a zombie is. */
  alive(): boolean;
  /** Effective uid and gid. */
  owner(): { readonly uid: number; readonly gid: number };
  info(caller: Caller): Outcome<ProcessInfo>;
  /** Its living threads, in no particular order. ESRCH. */
  threads(): readonly Tid[];
  /** Bytes of text, data and stack. */
  size(): number;
  /** Path of the executable that opens the same file the process runs. ENOENT for a kernel thread or a zombie. */
  executable(caller: Caller): Outcome<string>;
}

export interface ProcessTable {
  /** Every process once, zombies and kernel threads included. */
  pids(): readonly Pid[];
  find(pid: Pid): Process | undefined;
  /**
   * The process of that pid and {@link Process.life}. Asks nothing that could wait: that it is gone is told by whatever is done
   * with it, or by ESTALE.
   */
  begun(pid: Pid, life: number): Process;
  /** The process a thread belongs to. */
  ofThread(tid: Tid): Process | undefined;
  /** How many processes there can be. */
  limit(): number;
}

/** The kernel's own permission check, made as the caller. */
export interface Access {
  /**
   * The caller with the rights of its thread noted down ({@link Caller.fullRoot}): `afresh`, or as they were found at its last
   * request some milliseconds ago.
   */
  recorded(caller: Caller, afresh: boolean): Caller;
  /** EPERM unless `caller` may debug `process` now: uids, dumpable, Yama, user namespace. ESRCH. */
  debug(process: Process, caller: Caller): Outcome<void>;
}

/** An address space as it was when opened: exec or exit makes it dead (ESRCH). */
export interface AddressSpace {
  /** Text that another address space of the same process does not have. */
  readonly image: string;
  /** Fills `into` from `address`; a short count up to the first hole, EFAULT when it starts in one. */
  read(address: number, into: Uint8Array): Outcome<number>;
  /** Read-only pages become private copies. EFAULT as for reading. */
  write(address: number, data: Uint8Array): Outcome<number>;
  close(): void;
}

export interface Memory {
  /** One past the highest address a process can have. */
  readonly top: number;
  readonly pageSize: number;
  /** Opens as `caller`, whom the kernel checks: EPERM, ESRCH. */
  open(process: Process, caller: Caller): Outcome<AddressSpace>;
}

/** The bytes of a running executable. */
export interface Executable {
  /** Fills `into` from byte `offset`; 0 at the end. */
  read(offset: number, into: Uint8Array): Outcome<number>;
  close(): void;
}

export interface Executables {
  /** Opens as `caller`, whom the kernel checks: EPERM, EACCES; ENOENT for a kernel thread or a zombie. */
  open(process: Process, caller: Caller): Outcome<Executable>;
}

/** Signals by name, lower case and without SIG. All of `callers` must be allowed: who writes, and who opened the node. */
export interface Signals {
  /** EPERM under kill(2)'s rules; ESRCH. */
  note(process: Process, callers: readonly Caller[], signal: string): void;
  /** To every member of the process group that the callers may signal; EPERM when there is none. */
  noteGroup(process: Process, callers: readonly Caller[], signal: string): void;
}

/** Who asks now, and others whose rights are needed, too: who opened the node. */
export type Callers = readonly [caller: Caller, ...others: readonly Caller[]];

/** Control of processes, docs/semantics.md, "Control words". The caller's session (or process) owns what it attached. */
export interface Tracer {
  /** Bytes of each register set. */
  readonly registerSizes: Readonly<Record<RegisterSet, number>>;
  /** EINVAL oneself or a zombie, EBUSY traced, EPERM. Returns before the target has stopped. */
  attach(process: Process, caller: Caller, scope: ControlScope): Outcome<void>;
  /** Succeeds on an untraced process. EBUSY when another session controls it, unless the caller is root. */
  detach(process: Process, caller: Caller): Outcome<void>;
  /** EBUSY unless stopped under the caller's control. */
  run(process: Process, caller: Caller): Outcome<void>;
  step(process: Process, caller: Caller): Outcome<void>;
  /** Until stopped; ESRCH gone, EBUSY controlled by another, EINTR. */
  wait(process: Process, caller: Caller): Outcome<void>;
  /** Begins to stop every thread. EBUSY unless under the caller's control. */
  halt(process: Process, caller: Caller): void;
  /** Why it, or one thread of it, is stopped, or that it runs: the line of `stop`. Stops nothing. ESRCH. */
  why(process: Process, tid?: Tid): Outcome<string>;
  /** Makes a thread the current one. EBUSY unless stopped under the caller's control, ESRCH for a thread that it does not have. */
  choose(process: Process, caller: Caller, tid: Tid): Outcome<void>;
  /** Whether it is stopped under control. */
  isStopped(process: Process): boolean;
  /** `news` is called whenever there is something new to read. */
  events(process: Process, news: () => void): Events;
  /** Lets go of what is seized for the repair of interrupted calls, so that another tracer can take it. */
  release(process: Process): Outcome<void>;
  /**
   * Continues the stopped target, a thread – absent: the current one – delivering `signal`; false when it is not stopped under the
   * caller's control. ESRCH for a thread that it does not have.
   */
  deliver(process: Process, caller: Caller, signal: string, tid?: Tid): Outcome<void> | false;
  /**
   * A thread's registers. All of `callers`, the first of whom is who asks, must be allowed in the moment in which they are taken.
   * EDEADLK for the caller itself, ESRCH.
   */
  readRegisters(process: Process, callers: Callers, what: RegisterRead): Outcome<Uint8Array>;
  writeRegisters(process: Process, callers: Callers, what: RegisterWrite): Outcome<void>;
}

/** What happens to a process, as far as one reader is concerned. */
export interface Events {
  readonly log: {
    /** The number of the next event. */
    readonly next: number;
    /** None comes any more: the process is gone. */
    readonly ended: boolean;
    /** The lines of the events from that number on that fit into `room` bytes, but at least one; and the event behind them. */
    read(from: number, room: number): { readonly text: string; readonly next: number };
  };
  close(): void;
}

/**
 * The kernel's register sets: `general`, struct user_regs_struct; `floating`, struct user_fpregs_struct; and `debug`, eight words, which
 * are read only.
 */
export type RegisterSet = "general" | "floating" | "debug";

export interface RegisterRead {
  readonly set: RegisterSet;
  /** Absent: the current thread. */
  readonly tid?: Tid | undefined;
  /** Told of them while the thread is still held. */
  readonly seen?: Seen;
}

/** Overlays `data` at byte `offset`. */
export interface RegisterWrite {
  readonly set: RegisterSet;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly tid?: Tid | undefined;
}

/** Told of a register set. */
export type Seen = (registers: Uint8Array) => void;

/** Time that passes. */
export interface Clock {
  /** Calls `act` once, after so many milliseconds; the result takes that back. */
  after(ms: number, act: () => void): () => void;
}

export interface Ports {
  readonly clock: Clock;
  readonly quotas: Quotas;
  readonly accounts: Accounts;
  readonly processes: ProcessTable;
  readonly access: Access;
  readonly memory: Memory;
  readonly executables: Executables;
  readonly signals: Signals;
  readonly tracer: Tracer;
  readonly breakpoints: Debugger;
  readonly inspection: Inspection;
  readonly history: History;
}
