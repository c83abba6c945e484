import type { LimitCell } from "../space/limit.ts";
import type { Progress, Targets } from "../space/ports.ts";
import type { AccountedProcess } from "../space/process.ts";
import type { Space } from "../space/space.ts";
import type { TrappedCall } from "../trap/notification.ts";
import type { SharedObject } from "./shared-objects.ts";

export type GrantedCall = Pick<TrappedCall, "tid" | "number">;

/** What a grant gets from the row of its operation. */
export interface GrantKind {
  /** What the call changes: the map of its own address space; memory that processes share; the set of processes. */
  readonly changes: "map" | "shared" | "processes";
  /**
   * Processor time after which a running thread is taken to have carried out the call: nanoseconds. Before that it may still wait for a
   * lock of the kernel. A virtual machine that is not scheduled credits its threads with time in which they did nothing, so it is not
   * short.
   */
  readonly doneAfterNs: number;
}

/**
 * A call that was allowed and charged, and may not have happened yet. It begins when the answer `continue` is decided. It ends in one of
 * three ways: its thread makes another call (returned), its thread is seen beyond the call (done), or the kernel never carried it out
 * (cancelled, which takes the charge back). What the call creates – a child, shared memory – may be found only later: see the subclasses.
 * {@link Grants} owns it.
 */
export class Grant {
  readonly process: AccountedProcess;
  readonly tid: number;
  /** The address space of the process when it called. */
  readonly space: Space;
  /** The limit of the process: what a child created by the call is held to. Replaced when the process is given another limit. */
  limit: LimitCell;
  readonly kind: GrantKind;
  /** The system call's number. */
  readonly #number: number;
  /** The progress of the thread when it was first seen running after the grant. */
  #first: Progress | undefined;
  /** The call is over; never false again. */
  #done = false;
  /** Pages that the call may still add to the map of {@link space}. Set once, by the row of the operation. */
  pages = 0;
  /** Takes the charge back: called once, when the call did not happen. */
  cancel: () => void = nothing;
  /** Called once, when the call is over and was not cancelled. */
  finish: (() => void) | undefined = undefined;

  constructor(process: AccountedProcess, { tid, number }: GrantedCall, kind: GrantKind) {
    this.process = process;
    this.tid = tid;
    this.space = process.space;
    this.limit = process.limit;
    this.kind = kind;
    this.#number = number;
  }

  /** {@link pages}, corrected for what other calls have changed since the grant. */
  get pagesNow(): number {
    return this.pages;
  }

  /** Whether the call creates something that is found elsewhere than in the map of its space: then {@link Grants} lists it by kind. */
  get isListed(): boolean {
    return false;
  }

  /** Whether the grant stays open when the call is over, since what the call has created has not been found. */
  get isAwaited(): boolean {
    return false;
  }

  /** The thread has made another call: this one is over. */
  returned(): void {
    this.#done = true;
  }

  /** Whether the call is over. To be asked before the map or the list of processes is read: what is over by then shows in it. */
  isDone(targets: Targets): boolean {
    this.#done ||= this.#isBeyond(targets);
    return this.#done;
  }

  #isBeyond(targets: Targets): boolean {
    const progress = targets.progress(this.process.pid, this.tid);
    if (!progress) return true;
    if (!progress.running) return progress.call !== this.#number;
    this.#first ??= progress;
    // None of these calls causes a page fault before it has done its work, so a new fault means that the thread is beyond it.
    return progress.faults !== this.#first.faults || progress.cpuTime - this.#first.cpuTime >= this.kind.doneAfterNs;
  }
}

function nothing(): void {}

/** A call that creates anonymous shared memory or a System V segment. Open until a map or the list of segments shows the object. */
export class ObjectGrant extends Grant {
  /** The object, charged already. */
  readonly object: SharedObject;
  /** The key of a System V segment; undefined for anonymous shared memory. */
  readonly key: number | undefined;
  /** The space whose map will show the object: the caller's, or that of a forked child once the caller's is gone. */
  holder: Space;

  constructor(process: AccountedProcess, call: GrantedCall, kind: GrantKind, object: SharedObject, key?: number) {
    super(process, call, kind);
    this.holder = process.space;
    this.object = object;
    this.key = key;
  }

  override get isListed(): boolean {
    return true;
  }

  override get isAwaited(): boolean {
    return true;
  }
}

/** A fork. It holds the charge of the child until the child is found. */
export class ForkGrant extends Grant {
  /** The space of the child: charged from the grant on, released when the grant is cancelled or given up. */
  readonly child: Space;
  /** The layout of the caller's image. The child has the same one until it execs, which is how the child is recognized. */
  readonly layout: string;
  /** The pid of the child's parent: the caller, or with CLONE_PARENT the caller's parent. */
  readonly ppid: number;
  /** The child was looked for once, after the call was over, and was not found. */
  missed = false;
  /** The child may have more memory than was charged, or may be the child of another fork: its map has to be read. */
  isInexact = false;
  /**
   * Other forks of the same image whose calls may be under way still. Each was closed for a child that may as well be this one's; then its
   * own child is still to come, and that child would be taken for this fork's.
   */
  readonly mistaken: Set<ForkGrant> = new Set();

  constructor(process: AccountedProcess, call: TrappedCall, kind: GrantKind, child: Space, ppid: number) {
    super(process, call, kind);
    this.child = child;
    this.layout = process.layout;
    this.ppid = ppid;
  }

  override isDone(targets: Targets): boolean {
    if (!super.isDone(targets)) return false;
    for (const fork of this.mistaken) {
      if (!fork.#isOver(targets)) return false;
      this.mistaken.delete(fork);
    }
    return true;
  }

  /** As {@link Grant.isDone}: whether the call itself is over, whatever forks are mistaken for it. */
  #isOver(targets: Targets): boolean {
    return super.isDone(targets);
  }

  override get isListed(): boolean {
    return true;
  }

  override get isAwaited(): boolean {
    return true;
  }
}

/**
 * vfork, or clone with CLONE_VM: the child shares the caller's address space, and may keep it longer than the caller. No charge of its own.
 */
export class VforkGrant extends Grant {
  /** CLONE_VFORK: the caller goes on only once the child has exited or executed a program. */
  readonly waits: boolean;
  /** How many children this grant stands for that have not been found: more than one only where the caller does not wait for them. */
  expected = 1;
  /** The layout of the caller's image, by which a child is recognized when the caller is gone. */
  readonly layout: string;

  constructor(process: AccountedProcess, call: TrappedCall, kind: GrantKind, waits: boolean) {
    super(process, call, kind);
    this.waits = waits;
    this.layout = process.layout;
  }

  override get isListed(): boolean {
    return true;
  }

  /**
   * A caller that waits is beyond the call only when its child is, so nothing is left to be found. That does not hold where another thread
   * of the caller's process was allowed to exec: it ends the waiting thread and may have its number now.
   */
  override get isAwaited(): boolean {
    const { pendingExec } = this.process;
    return !this.waits || (pendingExec !== undefined && pendingExec !== this.tid);
  }
}
