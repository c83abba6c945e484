import type { UidInfo } from "../charges/uidinfo.ts";
import type { VforkGrant } from "../grants/grant.ts";
import {
  type InheritanceRecord,
  inheritanceRecord,
  orNull,
  type Recorder,
  VFORK_CHILD_RECORD,
} from "../grants/records.ts";
import { type AccountedProcess, UNREAD } from "../space/process.ts";
import { type Inheritance, inheritanceOf } from "./inheritance.ts";

/** What a vfork child inherits that was allowed to exec before it was registered. */
export interface Expected extends Inheritance {
  /** The call that created it, where the parent waits for the child. The grant may be closed by now. */
  readonly vfork?: VforkGrant;
  /** It comes from the journal of the daemon before this one, so it may have made calls since. */
  readonly isRestored?: true;
}

/** What a child of this vfork inherits. */
export function expectedOf(vfork: VforkGrant): Expected {
  const from = inheritanceOf(vfork);
  return vfork.waits ? { ...from, vfork } : from;
}

/**
 * The vfork children that were allowed to exec before they were registered, by pid, each with a journal record of what it inherits. That
 * record stays for a while after the process was registered: most commands have exited by then, and never need a record of their own.
 */
export class ExpectedPrograms {
  readonly #recorder: Recorder;
  readonly #expected = new Map<number, Expected>();
  /** The record that was written last, kept to be written again where the next one is the same. */
  #record: InheritanceRecord | undefined;
  /** Registered processes that have no record of their own yet. */
  readonly #unwritten = new Set<AccountedProcess>();

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  get size(): number {
    return this.#expected.size;
  }

  [Symbol.iterator](): IterableIterator<[number, Expected]> {
    return this.#expected.entries();
  }

  /** What process `pid` inherits; undefined where it is not expected. */
  find(pid: number): Expected | undefined {
    return this.#expected.get(pid);
  }

  /** Process `pid` is allowed to exec and inherits `from`. A record is written where `from` names a payer. */
  add(pid: number, from: Expected): void {
    this.#expected.set(pid, from);
    if (from.payer) this.#recorder.put(VFORK_CHILD_RECORD + pid, this.#recordOf(from, from.payer));
  }

  /** The last record where it is the same, as for one command of a shell after the other: the journal keeps the text of the last object. */
  #recordOf({ limit, job }: Expected, payer: UidInfo): InheritanceRecord {
    const { soft, hard } = limit;
    const last = this.#record;
    const isSame = last?.job === job.id && last.payer === payer.uid && last.soft === orNull(soft);
    if (!isSame || last.hard !== orNull(hard)) this.#record = inheritanceRecord(limit, job, payer);
    return this.#record!;
  }

  /** The process was registered with a record of its own, or will not be. */
  drop(pid: number): void {
    if (this.#expected.delete(pid)) this.#recorder.drop(VFORK_CHILD_RECORD + pid);
  }

  /** The process was registered and has no record of its own yet: its record here stands for it until {@link settle}. */
  registered(process: AccountedProcess): void {
    this.#expected.delete(process.pid);
    this.#unwritten.add(process);
  }

  /**
   * Drops the record here of a registered process: it exits, or `write` has made a record of its own. A process whose image cannot be read
   * keeps the record here, since its own would identify nobody.
   */
  settle(process: AccountedProcess, write?: () => void): void {
    if (!this.#unwritten.has(process) || (write && process.startTicks === UNREAD)) return;
    this.#unwritten.delete(process);
    write?.();
    this.#recorder.drop(VFORK_CHILD_RECORD + process.pid);
  }
}
