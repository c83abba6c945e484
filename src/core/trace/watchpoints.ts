import { SIGTRAP } from "../abi/signal.ts";
import { Errno, isErrno } from "../base/errno.ts";
import type { BreakRequest, BreakTable, Row } from "./break-table.ts";
import type { CodePort, WatchSlot } from "./code-port.ts";
import type { Stop } from "./stop.ts";
import type { Thread } from "./thread-set.ts";

/** What one debug register can watch. */
const LENGTHS = [8, 4, 2, 1] as const;

/** What was tried on a thread is set again when it goes on. */
const UNKNOWN = -1;

interface Watched {
  readonly row: Row;
  readonly slot: WatchSlot;
}

/** Pieces of [address, address + length) that a register can watch each: aligned, and a power of two long. */
function slotsOf({ address, watch }: BreakRequest): WatchSlot[] {
  if (!watch) return [];
  const slots: WatchSlot[] = [];
  for (let at = address; at < address + watch.length; ) {
    const length = LENGTHS.find((each) => at % each === 0 && at + each <= address + watch.length) ?? 1;
    // No register watches reading alone: what was read is told from what was written by its value.
    slots.push({ address: at, length, access: watch.access === "w" ? "w" : "rw" });
    at += length;
  }
  return slots;
}

/**
 * The watchpoints of one process: in the debug registers of every thread. Those of a thread are set when it goes on and has not
 * those of now, so that a new thread has them before its first instruction.
 */
export class Watchpoints {
  readonly #code: CodePort;
  readonly #table: BreakTable;
  #watched: readonly Watched[] = [];
  /** Which registers are wanted: another number each time. */
  #version = 0;
  /** What was there when the process went on, or touched it last. */
  readonly #values = new Map<Row, bigint | undefined>();

  constructor(code: CodePort, table: BreakTable) {
    this.#code = code;
    this.#table = table;
  }

  get any(): boolean {
    return this.#watched.length > 0;
  }

  /** ENOSPC where no registers are left for it, EINVAL where the processor cannot watch that: it is tried on a stopped thread. */
  check(request: BreakRequest, thread: Thread): void {
    const free = this.#code.watchRegisters - this.#watched.length;
    const wanted = slotsOf(request);
    if (wanted.length === 0) return;
    if (wanted.length > free)
      throw new Errno(
        "ENOSPC",
        `this takes ${wanted.length} debug registers, of which ${free} are free; clear a watchpoint first`,
      );
    thread.watches = UNKNOWN;
    this.#code.tryWatches(thread.tid, wanted);
  }

  /** The table has changed; every thread is stopped. */
  changed(): void {
    const rows = this.#table.all.filter(({ kind }) => kind === "watch");
    if (rows.length === 0 && !this.any) return;
    this.#watched = rows.flatMap((row) => slotsOf(row).map((slot) => ({ row, slot })));
    this.#version++;
    this.#values.clear();
  }

  /** The process goes on: what is there now is what will have been there. */
  refresh(): void {
    for (const { row } of this.#watched) {
      row.missing = false;
      this.#values.set(row, this.#valueOf(row));
    }
  }

  #valueOf({ address, watch }: Row): bigint | undefined {
    const bytes = watch && this.#code.read(address, watch.length);
    return bytes?.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
  }

  /** A stopped thread is about to go on. */
  prepare(thread: Thread): void {
    if (thread.watches === this.#version) return;
    try {
      this.#code.setWatches(
        thread.tid,
        this.#watched.map(({ slot }) => slot),
      );
      thread.watches = this.#version;
    } catch (error) {
      if (!isErrno(error)) throw error;
      // Somebody else has its registers: it goes on unwatched, as its rows say, and it is tried again when it goes on next.
      thread.watches = UNKNOWN;
      for (const { row } of this.#watched) row.missing = true;
    }
  }

  /** A stopped thread is about to be let go. */
  release(thread: Thread): void {
    try {
      if (thread.watches !== 0) this.#code.setWatches(thread.tid, []);
    } catch (error) {
      if (!isErrno(error)) throw error;
    }
  }

  /** A fresh stop as it is, with what it says of a watchpoint noted. */
  classify(thread: Thread, stop: Stop): Stop {
    const isTrap = stop.kind === "signal" ? stop.signal === SIGTRAP : stop.kind === "step" || stop.kind === "off";
    if (!this.any || !isTrap) return stop;
    const touched = this.#code.watchesHit(thread.tid);
    if (touched.length === 0) return stop;
    const rows = new Set(touched.map((i) => this.#watched[i]?.row).filter((row) => row !== undefined));
    for (const row of rows) {
      const old = this.#values.get(row);
      const now = this.#valueOf(row);
      this.#values.set(row, now);
      const isWanted = row.watch?.access !== "r" || old === now;
      if (!isWanted || (row.thread !== undefined && row.thread !== thread.tid)) continue;
      thread.hit = { address: row.address, rows: [row], values: { old, new: now }, told: false };
      return stop.kind === "signal" ? { kind: "break" } : stop;
    }
    return stop.kind === "signal" ? { kind: "trap" } : stop;
  }
}
