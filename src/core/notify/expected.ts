import type { UidInfo } from "../charges/uidinfo.ts";
import type { VforkGrant } from "./grant.ts";
import { type Inheritance, inheritanceOf } from "./inheritance.ts";
import { type AccountedProcess, UNREAD } from "./process.ts";
import { type InheritanceRecord, inheritanceRecord, orNull, type Recorder, VFORK_CHILD_RECORD } from "./records.ts";

/** What an unknown process inherits that was allowed to exec in memory it had been lent. */
export interface Expected extends Inheritance {
  /** By which it came, where its lender waits for it; that may be over. */
  readonly vfork?: VforkGrant;
  /** It may have called since: what is known of it was written down in another life of the daemon. */
  readonly isRestored?: true;
}

/** What a child inherits that came by this loan. */
export function expectedOf(vfork: VforkGrant): Expected {
  const from = inheritanceOf(vfork);
  return vfork.waits ? { ...from, vfork } : from;
}

/**
 * The processes that are expected, by pid, and what they inherit. That is written down, and stays so for a while when one was met: most have
 * exited by then, and need no record of their own.
 */
export class ExpectedPrograms {
  readonly #recorder: Recorder;
  readonly #expected = new Map<number, Expected>();
  /** The last one that was written. */
  #record: InheritanceRecord | undefined;
  /** Met, and without a record of their own. */
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

  find(pid: number): Expected | undefined {
    return this.#expected.get(pid);
  }

  add(pid: number, from: Expected): void {
    this.#expected.set(pid, from);
    if (from.payer) this.#recorder.put(VFORK_CHILD_RECORD + pid, this.#recordOf(from, from.payer));
  }

  /** The record of the one before where it is the same, as for one command of a shell after the other: who writes it knows its text. */
  #recordOf({ limit, job }: Expected, payer: UidInfo): InheritanceRecord {
    const { soft, hard } = limit;
    const last = this.#record;
    const isSame = last?.job === job.id && last.payer === payer.uid && last.soft === orNull(soft);
    if (!isSame || last.hard !== orNull(hard)) this.#record = inheritanceRecord(limit, job, payer);
    return this.#record!;
  }

  /** It is met, or will not come. */
  drop(pid: number): void {
    if (this.#expected.delete(pid)) this.#recorder.drop(VFORK_CHILD_RECORD + pid);
  }

  /** It is met, and has no record of its own yet. */
  registered(process: AccountedProcess): void {
    this.#expected.delete(process.pid);
    this.#unwritten.add(process);
  }

  /**
   * A process that was met ends, or gets a record of its own, which `write` makes, if it has none. Of one that cannot be looked at that
   * would say nothing: what it inherits stands for it still.
   */
  settle(process: AccountedProcess, write?: () => void): void {
    if (!this.#unwritten.has(process) || (write && process.startTicks === UNREAD)) return;
    this.#unwritten.delete(process);
    write?.();
    this.#recorder.drop(VFORK_CHILD_RECORD + process.pid);
  }
}
