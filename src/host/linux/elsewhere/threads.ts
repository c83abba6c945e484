import { Errno } from "../../../core/base/errno.ts";
import { beyond, QUOTAS } from "../../../core/procfs/quotas.ts";
import { libcExit } from "../ffi/libc.ts";
import type { Errand } from "./elsewhere.ts";
import type { JobKit } from "./kit.ts";
import { Lane } from "./lane.ts";

/** How long errands wait for a free thread before another one is started, which takes 40 ms and 12 MB. */
const CROWDED_MS = 5;
/**
 * After how long an errand whose thread sleeps counts against the owner of its process. An errand that does not block takes microseconds.
 */
const LATE_MS = 60;
/** After how long an errand counts against the owner although its thread is running, or in the run queue. */
const LATE_AT_WORK_MS = 1000;
/** For how long no thread is started after a failure to start one: the number of a user's threads is limited. */
const RETRY_MS = 250;
/** Processes that have not answered yet get one thread in so many at most, and so do the processes of one owner. */
const UNPROVED_SHARE = 4;
/** How many processes are remembered to have answered. */
const MOST_PROVED = 4096;
/** How long an idle thread stays. */
const IDLE_MS = 10_000;

interface Running {
  readonly lane: Lane;
  late: boolean;
  /** Its request was told that the process does not answer. */
  expired: boolean;
  timer: NodeJS.Timeout | undefined;
}

/**
 * The threads of a pool, and the errand that each has. At most one errand for each lock of a process is under way; the askers get their
 * turns by uid. A thread whose errand is late does not count: another one is started for it. Most threads are for processes that have
 * answered before; the others are tried on a few. The processes of one owner get few threads at a time, since processes that have answered
 * may begin to hang all at once.
 */
export class Threads {
  readonly #kit: Pick<JobKit<object>, "program" | "atOnce">;
  readonly #onBug: (error: unknown) => void;
  readonly #lanes = new Set<Lane>();
  readonly #queue = new Set<Errand>();
  readonly #running = new Map<Errand, Running>();
  readonly #byKey = new Map<string, Errand>();
  /** Keys of errands that were answered in time. */
  readonly #proved = new Set<string>();
  #starting: Lane | undefined;
  /** No thread is started before: milliseconds of performance.now(). */
  #retry: NodeJS.Timeout | undefined;
  #crowded: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(kit: Pick<JobKit<object>, "program" | "atOnce">, onBug: (error: unknown) => void) {
    this.#kit = kit;
    this.#onBug = onBug;
  }

  /** ETIMEDOUT for a process that keeps a thread waiting, EAGAIN where there is no thread to be had. */
  refuse(key: string, pid: number, owner: number): void {
    const errand = this.#byKey.get(key);
    if (errand && this.#running.get(errand)!.expired)
      throw new Errno("ETIMEDOUT", `process ${pid} does not answer: it is inside exec, or waits for its memory`);
    if (this.#count(({ expired }, other) => expired && other.owner === owner) >= QUOTAS.threadsPerOwner.most)
      throw beyond(QUOTAS.threadsPerOwner);
    if (this.#count(({ expired }) => expired) >= QUOTAS.threads.most) throw beyond(QUOTAS.threads);
  }

  take(errand: Errand): void {
    this.#queue.add(errand);
    this.#dispatch();
  }

  /** The request of an errand has ended: an errand that has not begun is dropped. */
  withdraw(errand: Errand): void {
    if (this.#queue.delete(errand)) errand.ended(undefined);
  }

  /** Whether the errand waits for a thread of ours – one that is being started, or gets no processor – and not for the process. */
  isOurs(errand: Errand): boolean {
    const first = this.#byKey.get(errand.key);
    if (first) return !this.#running.get(first)!.late;
    return !this.#mustWait(errand) && this.#late < QUOTAS.threads.most;
  }

  /** The deadline of an errand is over. Returns EAGAIN where it never had a thread, undefined where the process does not answer. */
  expired(errand: Errand): Errno | undefined {
    this.withdraw(errand);
    const first = this.#byKey.get(errand.key);
    if (!first) {
      return this.#isHeldUp(errand.owner)
        ? beyond(QUOTAS.threadsPerOwner)
        : new Errno("EAGAIN", "the server has no thread free to look at the process; try again later");
    }
    // An errand that was given up before may still hold its thread, which the errands behind it have shown.
    const running = this.#running.get(first)!;
    if (running.late) running.expired = true;
    return undefined;
  }

  close(): void {
    clearTimeout(this.#crowded);
    clearTimeout(this.#retry);
    clearTimeout(this.#idle);
    for (const errand of this.#queue) errand.parked.interrupt();
    for (const { timer } of this.#running.values()) clearInterval(timer);
    this.#starting?.end();
    for (const lane of this.#lanes) lane.end();
    this.#lanes.clear();
    if (!this.stuck) endWithThreads.delete(this);
  }

  #count(counts: (running: Running, errand: Errand) => boolean): number {
    let count = 0;
    for (const [errand, running] of this.#running) if (counts(running, errand)) count++;
    return count;
  }

  #dispatch(): void {
    for (let errand = this.#next(); errand; errand = this.#next()) {
      const lane = this.#freeLane();
      if (!lane) {
        if (this.#lanes.size === 0) this.#grow();
        else this.#crowded ??= setTimeout(() => this.#grow(), CROWDED_MS);
        return;
      }
      this.#queue.delete(errand);
      this.#begin(errand, lane);
    }
  }

  /** The next errand: of the asker with the fewest under way, first those to processes that have answered before, then the oldest. */
  #next(): Errand | undefined {
    let first: Errand | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const errand of this.#queue) {
      if (this.#mustWait(errand)) continue;
      const turn = this.#turnOf(errand);
      if (turn >= least) continue;
      first = errand;
      least = turn;
      if (turn === 0) break;
    }
    return first;
  }

  #turnOf({ key, asker }: Errand): number {
    if (this.#running.size === 0) return 0;
    const asked = this.#count((_, other) => other.asker === asker);
    return asked * 2 + (this.#proved.has(key) ? 0 : 1);
  }

  /** Whether an errand has to wait: for another one to the same process, or for the shares of unknown processes or of its owner. */
  #mustWait({ key, owner }: Errand): boolean {
    if (this.#byKey.has(key)) return true;
    if (!this.#proved.has(key)) {
      const others = this.#count(({ late }, other) => !late && !this.#proved.has(other.key));
      if (others >= Math.max(1, this.#kit.atOnce / UNPROVED_SHARE)) return true;
    }
    const most = Math.max(QUOTAS.threadsPerOwner.most, this.#kit.atOnce / UNPROVED_SHARE);
    return this.#count((_, other) => other.owner === owner) >= most || this.#isHeldUp(owner);
  }

  /** Whether the processes of this owner hold up as many threads as the quota allows. */
  #isHeldUp(owner: number): boolean {
    return this.#count(({ late }, other) => late && other.owner === owner) >= QUOTAS.threadsPerOwner.most;
  }

  #freeLane(): Lane | undefined {
    for (const lane of this.#lanes) if (!lane.busy) return lane;
    return undefined;
  }

  /** Starts a thread, one at a time. Its first errand is chosen when it is ready. */
  #grow(): void {
    this.#crowded = undefined;
    if (this.#queue.size === 0 || this.#starting || this.#retry) return;
    if (this.#lanes.size - this.#late >= this.#kit.atOnce || this.#late >= QUOTAS.threads.most) return;
    if (this.#lanes.size === 0) endWithThreads.add(this);
    try {
      this.#starting = this.#newLane();
    } catch (error) {
      this.#fails(error);
    }
  }

  #newLane(): Lane {
    const lane = new Lane(
      this.#kit.program,
      () => {
        this.#starting = undefined;
        this.#lanes.add(lane);
        this.#dispatch();
      },
      (error) => {
        if (this.#starting === lane) this.#starting = undefined;
        this.#lanes.delete(lane);
        this.#fails(error);
      },
    );
    return lane;
  }

  /** No thread could be started: the next attempt comes later. */
  #fails(error: unknown): void {
    this.#onBug(new Error("a thread that looks at processes", { cause: error }));
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#grow();
    }, RETRY_MS);
  }

  /** How many threads are held up. */
  get #late(): number {
    return this.#count(({ late }) => late);
  }

  #begin(errand: Errand, lane: Lane): void {
    const running: Running = { lane, late: false, expired: false, timer: undefined };
    const begin = performance.now();
    running.timer = setInterval(() => {
      if (running.late || !lane.begun) return;
      if (performance.now() - begin < LATE_AT_WORK_MS && lane.atWork) return;
      running.late = true;
      this.#proved.delete(errand.key);
      clearInterval(running.timer);
      // The thread is held up: another one may take its place.
      this.#dispatch();
    }, LATE_MS);
    this.#running.set(errand, running);
    this.#byKey.set(errand.key, errand);
    lane.do(errand, (answer) => {
      clearInterval(running.timer);
      this.#running.delete(errand);
      this.#byKey.delete(errand.key);
      if (!running.late) this.#prove(errand.key);
      errand.ended(answer);
      this.#dispatch();
      this.#idle ??= setTimeout(() => this.#shrink(), IDLE_MS).unref();
    });
  }

  #prove(key: string): void {
    if (this.#proved.size >= MOST_PROVED) this.#proved.clear();
    this.#proved.add(key);
  }

  #shrink(): void {
    const now = performance.now();
    for (const lane of [...this.#lanes]) {
      if (lane.busy || now - lane.lastUsed < IDLE_MS) continue;
      this.#lanes.delete(lane);
      lane.end();
    }
    this.#idle = this.#lanes.size === 0 ? undefined : setTimeout(() => this.#shrink(), IDLE_MS).unref();
  }

  /** Whether a thread waits in the kernel: process.exit() would wait for it. */
  get stuck(): boolean {
    return this.#running.size > 0;
  }
}

/** Pools whose threads could hold up the end of the process. */
const endWithThreads = new Set<Threads>();
process.on("exit", (code) => {
  for (const threads of endWithThreads) if (threads.stuck) libcExit(code);
});
