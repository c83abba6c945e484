import type { LimitCell } from "./limit.ts";
import type { TrappedCall } from "./notification.ts";
import type { Progress, Targets } from "./ports.ts";
import type { AccountedProcess } from "./process.ts";
import type { SharedObject } from "./shared-objects.ts";
import type { Space } from "./space.ts";

export type GrantedCall = Pick<TrappedCall, "tid" | "number">;

/** What the operation of a grant decides about it. */
export interface GrantKind {
  /** What the call changes: the map of its own address space, which may be read too early; shared memory; which processes there are. */
  readonly changes: "map" | "shared" | "processes";
  /**
   * Processor time, nanoseconds, after which the thread has carried out what it was granted: until then a lock may keep it from us. A
   * machine that is itself made to wait counts that as time the thread has had.
   */
  readonly doneAfterNs: number;
}

/**
 * A call that was allowed and charged, and may not have happened yet. It is granted, and then either returned from (its thread makes
 * another call), done (its thread is seen beyond it), or cancelled (the kernel never carried it out). What it was to make may
 * come later still: see the subclasses.
 */
export class Grant {
  readonly process: AccountedProcess;
  readonly tid: number;
  /** The address space and the limit of the process when it called. */
  readonly space: Space;
  limit: LimitCell;
  readonly kind: GrantKind;
  readonly #number: number;
  /** Where the thread was when it was first seen running on. */
  #first: Progress | undefined;
  #done = false;
  /** Pages that the call may still add to the map of {@link space}. */
  pages = 0;
  /** Takes back what was charged: the call did not happen. */
  cancel: () => void = nothing;
  /** Takes note that the call is over, and was not cancelled. */
  finish: (() => void) | undefined = undefined;

  constructor(process: AccountedProcess, { tid, number }: GrantedCall, kind: GrantKind) {
    this.process = process;
    this.tid = tid;
    this.space = process.space;
    this.limit = process.limit;
    this.kind = kind;
    this.#number = number;
  }

  /** {@link pages}, as far as other calls have not changed that since. */
  get pagesNow(): number {
    return this.pages;
  }

  /** Whether it makes what has to be found elsewhere than in the map of its space. */
  get isListed(): boolean {
    return false;
  }

  /** Whether somebody still has to find what the call has made, when the call itself is over. */
  get isAwaited(): boolean {
    return false;
  }

  /** The thread makes another call. */
  returned(): void {
    this.#done = true;
  }

  /** Whether the call has happened, or will not: to be asked before what it may have changed is looked at. */
  isDone(targets: Targets): boolean {
    this.#done ||= this.#isBeyond(targets);
    return this.#done;
  }

  #isBeyond(targets: Targets): boolean {
    const progress = targets.progress(this.process.pid, this.tid);
    if (!progress) return true;
    if (!progress.running) return progress.call !== this.#number;
    this.#first ??= progress;
    // None of these calls faults before it has changed what it is to change.
    return progress.faults !== this.#first.faults || progress.cpuTime - this.#first.cpuTime >= this.kind.doneAfterNs;
  }
}

function nothing(): void {}

/** A call that makes anonymous shared memory or a System V segment: until a map or the list of segments shows it. */
export class ObjectGrant extends Grant {
  readonly object: SharedObject;
  /** Of a segment. */
  readonly key: number | undefined;
  /** Whose map is to show it: a child's, where the space that made it has gone. */
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

/** A fork: its child is paid for, until it is found. */
export class ForkGrant extends Grant {
  /** The child's. */
  readonly child: Space;
  /** The caller's image, which the child has too. */
  readonly layout: string;
  /** Whose child it is: the caller's, or by CLONE_PARENT that of the caller's parent. */
  readonly ppid: number;
  /** The child was looked for and not found. */
  missed = false;
  /** The child may have more than was charged, or be another's: its map has to be read. */
  isInexact = false;
  /** Forks that were closed by a child that this one may have made, and may not have happened: theirs may be still to come. */
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

  /** By itself. */
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

/** vfork and the like: a process gets the caller's memory, and may keep it longer than the caller. */
export class VforkGrant extends Grant {
  /** The caller goes on only when the other has ended, or is another program. */
  readonly waits: boolean;
  /** How many processes it stands for that have not been found: more than one only where the caller does not wait. */
  expected = 1;
  /** The caller's image, by which whoever has its memory is found when it is gone. */
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
   * One whose caller does not wait may come at any time, as long as the caller lives. Nor does a caller wait any longer whose process has
   * executed another program by another thread, which may have its number now.
   */
  override get isAwaited(): boolean {
    const { pendingExec } = this.process;
    return !this.waits || (pendingExec !== undefined && pendingExec !== this.tid);
  }
}
