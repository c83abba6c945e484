import type { UidInfo } from "../charges/uidinfo.ts";
import type { LoanGrant } from "./grant.ts";
import type { Heritage } from "./heritage.ts";
import type { AccountedProcess } from "./process.ts";
import { BORROWER_RECORD, type HeritageRecord, heritageRecord, orNull, type Recorder } from "./records.ts";
import type { Space } from "./space.ts";

/** What an unknown process inherits that was allowed to exec in memory it had been lent. */
export interface Expected extends Heritage {
  /** By whom, where that waits for it, and which memory. */
  readonly lender?: AccountedProcess;
  readonly space?: Space;
  /** It may have called since: what is known of it was written down in another life of the daemon. */
  readonly isRestored?: true;
}

/** What a child inherits that came by this loan. */
export function expectedOf({ process, space, limit, waits }: LoanGrant): Expected {
  const { job, payer } = space;
  return waits ? { job, limit, payer, lender: process, space } : { job, limit, payer };
}

/**
 * The processes that are expected, by pid, and what they inherit. That is written down, and stays so for a while when one was met: most have
 * exited by then, and need no record of their own.
 */
export class ExpectedPrograms {
  readonly #recorder: Recorder;
  readonly #expected = new Map<number, Expected>();
  /** The last one that was written. */
  #record: HeritageRecord | undefined;
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
    if (from.payer) this.#recorder.put(BORROWER_RECORD + pid, this.#recordOf(from, from.payer));
  }

  /** The record of the one before where it is the same, as for one command of a shell after the other: who writes it knows its text. */
  #recordOf({ limit, job }: Expected, payer: UidInfo): HeritageRecord {
    const { soft, hard } = limit;
    const last = this.#record;
    const isSame = last?.job === job.id && last.payer === payer.uid && last.soft === orNull(soft);
    if (!isSame || last.hard !== orNull(hard)) this.#record = heritageRecord(limit, job, payer);
    return this.#record!;
  }

  /** It is met, or will not come. */
  drop(pid: number): void {
    if (this.#expected.delete(pid)) this.#recorder.drop(BORROWER_RECORD + pid);
  }

  /** It is met, and has no record of its own yet. */
  meet(process: AccountedProcess): void {
    this.#expected.delete(process.pid);
    this.#unwritten.add(process);
  }

  /** A process that was met ends, or gets a record of its own, which `write` makes, if it has none. */
  settle(process: AccountedProcess, write?: () => void): void {
    if (!this.#unwritten.delete(process)) return;
    write?.();
    this.#recorder.drop(BORROWER_RECORD + process.pid);
  }
}
