import { statusName } from "../../core/abi/text/status.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import { type HistoryRecord, SIZE_UNIT } from "../../core/history/record.ts";
import { Recording } from "../../core/history/recording.ts";
import type { Accounts } from "../../core/notify/accounts.ts";
import type { Witness } from "../../core/population/witness.ts";
import type { SwapLimit } from "../../core/space/limit.ts";
import type { AccountedProcess, RefusedCall } from "../../core/space/process.ts";
import { promptText } from "../linux/proc-file.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import { Counters } from "./counters.ts";

/** How long a record is kept before it is handed over with all that came meanwhile. */
const HAND_OVER_MS = 100;
const MINUTE_MS = 60_000;
/** So many uids, jobs and processes have a record each minute: those that have most. */
const MOST_UIDS = 1000;
const MOST_JOBS = 1000;
const MOST_PROCESSES = 32;

const bytes = (pages: number): number => pages * PAGE_SIZE;

/** Nothing where it cannot be read, for whatever reason: nobody's call is to fail for it. */
function nameNow(pid: number): string {
  try {
    return statusName(promptText(pid, "status"));
  } catch {
    return "";
  }
}

/** The `most` largest by `weight`, and none of nothing. */
function largest<T>(all: Iterable<T>, weight: (each: T) => number, most: number): T[] {
  const some = [...all].filter((each) => weight(each) > 0);
  return some.length <= most ? some : some.sort((a, b) => weight(b) - weight(a)).slice(0, most);
}

export interface ChronicleOptions {
  readonly alarms: Alarms;
  /** Takes what is to be kept; undefined where nobody keeps it. */
  readonly keep: ((block: Uint8Array) => void) | undefined;
  /** Brings the figures up to date, then calls. */
  readonly settle: (then: () => void) => void;
  /** An error that belongs to nobody's request; what it happened in. */
  readonly failed: (error: unknown, what: string) => void;
}

/** Writes down what happens to the accounts, for those who look back. Silent until {@link begin}. */
export class Chronicle implements Witness {
  readonly counters: Counters = new Counters();
  readonly #options: ChronicleOptions;
  readonly #recording: Recording;
  readonly #handOver: Alarm;
  readonly #minute: Alarm;
  /** Of those whose image was not read since they came. */
  readonly #names = new WeakMap<AccountedProcess, string>();
  /** What had something at the last minute: it is told once more when it has nothing. */
  #had = new Set<number>();
  #accounts: Accounts | undefined;

  constructor(options: ChronicleOptions) {
    this.#options = options;
    this.#recording = new Recording((block) => options.keep?.(block));
    this.#handOver = options.alarms.make(() => this.#handOverAll());
    this.#minute = options.alarms.make(() => {
      this.#nextMinute();
      options.settle(() => {
        try {
          this.#totals();
        } catch (error) {
          options.failed(error, "the history of a minute");
        }
      });
    });
  }

  /** What was there before is known, and what comes from now on is told. */
  begin(accounts: Accounts, event: "started" | "resumed"): void {
    if (!this.#options.keep) return;
    this.#accounts = accounts;
    this.#add({ kind: "daemon", timeMs: Date.now(), event, pid: process.pid });
    this.#nextMinute();
  }

  #nextMinute(): void {
    this.#minute.at = performance.now() + MINUTE_MS - (Date.now() % MINUTE_MS);
  }

  #add(record: HistoryRecord, uid?: number): void {
    this.#recording.add(record, uid);
    this.#soon();
  }

  #soon(): void {
    if (this.#handOver.at === Number.POSITIVE_INFINITY) this.#handOver.at = performance.now() + HAND_OVER_MS;
  }

  #handOverAll(): void {
    const block = this.#recording.take(Date.now());
    if (block) this.#options.keep?.(block);
    if (this.#recording.hasMore) this.#soon();
  }

  #nameOf(process: AccountedProcess): string {
    const { name } = process.image;
    if (name !== undefined) return name;
    let found = this.#names.get(process);
    if (found === undefined) {
      found = nameNow(process.pid);
      this.#names.set(process, found);
    }
    return found;
  }

  started(process: AccountedProcess): void {
    if (!this.#accounts) return;
    const { pid, space } = process;
    const { uid } = space.payer;
    const name = this.#nameOf(process);
    this.#add({ kind: "started", timeMs: Date.now(), pid, uid, job: space.job.id, name }, uid);
  }

  became(process: AccountedProcess): void {
    if (!this.#accounts) return;
    const { pid, space } = process;
    this.#add({ kind: "became", timeMs: Date.now(), pid, name: this.#nameOf(process) }, space.payer.uid);
  }

  /** Its memory is charged still. */
  ended(process: AccountedProcess): void {
    if (!this.#accounts) return;
    const { pid, space } = process;
    const { uid } = space.payer;
    const reserved = bytes(space.pages);
    this.#add({ kind: "ended", timeMs: Date.now(), pid, uid, reserved, name: this.#nameOf(process) }, uid);
  }

  refused(process: AccountedProcess, { timeMs, call, pages, reason, used, limit }: RefusedCall): void {
    const { pid, space } = process;
    this.counters.refused(space.payer.uid, reason);
    if (!this.#accounts) return;
    const who = { pid, uid: space.payer.uid, name: this.#nameOf(process) };
    const sizes = { asked: bytes(pages), used: bytes(used), limit: bytes(limit) };
    this.#recording.refused({ timeMs, ...who, call, reason, ...sizes });
    this.#soon();
  }

  limited(what: string, { soft, hard }: SwapLimit): void {
    if (!this.#accounts) return;
    this.#add({ kind: "limit", timeMs: Date.now(), what, soft: bytes(soft), hard: bytes(hard) });
  }

  /** Each minute: who has how much. */
  #totals(): void {
    const { uids, figures, population, ledger, jobs } = this.#accounts!;
    const timeMs = Date.now();
    const limits = new Map<number, number>();
    for (const process of population) {
      const { payer } = process.space;
      const soft = ledger.limitOf(payer, process);
      limits.set(payer.uid, Math.min(soft, limits.get(payer.uid) ?? Number.POSITIVE_INFINITY));
    }
    const has = new Set<number>();
    const wanted = [...uids].map((payer) => ({ payer, peak: figures.takeLately(payer) }));
    for (const { payer, peak } of largest(
      wanted,
      ({ payer, peak }) => peak || Number(this.#had.has(payer.uid)),
      MOST_UIDS,
    )) {
      const { uid, vmsize, limit } = payer;
      if (vmsize > 0) has.add(uid);
      const most = bytes(limits.get(uid) ?? limit.soft);
      this.#add({ kind: "uid", timeMs, uid, reserved: bytes(vmsize), limit: most, peak: bytes(peak) });
    }
    this.#had = has;
    for (const { id, pages, most } of largest(jobs, (job) => (job.id > 0 ? job.pages : 0), MOST_JOBS)) {
      this.#add({ kind: "job", timeMs, job: id, reserved: bytes(pages), limit: bytes(most) });
    }
    for (const process of largest(population, ({ space }) => space.pages, MOST_PROCESSES)) {
      const { pid, space } = process;
      const whose = { uid: space.payer.uid, job: space.job.id };
      this.#add({ kind: "process", timeMs, pid, ...whose, reserved: bytes(space.pages), name: this.#nameOf(process) });
    }
    if (has.size === 0 && population.size === 0) return;
    // A supply is what the kernel says of its memory, which need not be whole.
    const supply = Math.floor(bytes(ledger.supply) / SIZE_UNIT) * SIZE_UNIT;
    this.#add({ kind: "total", timeMs, reserved: bytes(ledger.reserved), supply, processes: population.size });
  }

  /** Nothing comes any more. */
  close(): void {
    if (!this.#accounts) return;
    this.#totals();
    this.#recording.add({ kind: "daemon", timeMs: Date.now(), event: "stopped", pid: process.pid });
    const block = this.#recording.take(Date.now(), true);
    if (block) this.#options.keep?.(block);
    this.#accounts = undefined;
  }
}
