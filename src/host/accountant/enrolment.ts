import { Errno, isErrno } from "../../core/base/errno.ts";
import type { UnaccountedProcess } from "../../core/procfs/accounts-port.ts";
import { type Outcome, toPromise, within } from "../../core/vfs/parked.ts";
import { Waiting } from "./enrolment-pace.ts";

/** A process that may have to come under accounting. */
export interface Candidate {
  readonly pid: number;
  /** Its parent, which is to come first: it is of the same session. */
  readonly ppid: number;
  readonly uid: number;
}

/** What enrolment needs of the machine and of the accounts. */
export interface EnrolmentHost {
  /** Every process there is. */
  pids(): readonly number[];
  /** undefined: it has gone. Throws where that cannot be told now, for want of descriptors as well. */
  look(pid: number): Candidate | undefined;
  /** Which are under accounting. */
  accounted(): Promise<ReadonlySet<number>>;
  /** Puts it under accounting, as of a session of that uid. False: it was already. Fails with why it cannot be; can be interrupted. */
  enrol(pid: number, sessionOf: number): Outcome<boolean>;
  /** Whether processes of that uid are to be under accounting. */
  isWanted(uid: number): boolean;
  onBug(error: unknown): void;
}

/** How many are stopped for it at a time. */
const AT_A_TIME = 8;
/** How long the children that a process made before it was under accounting are waited for before they are looked for. */
const SETTLE_MS = 20;
/** How long one may take to stop, and others wait for it: whoever cannot be stopped must not take a turn from others. */
const PATIENCE_MS = 1000;
/** Between two sweeps for events that are lost, or for a process that could not be looked at. */
const LOST_PAUSE_MS = 1000;
/** After how long everybody is looked for without a cause: what no event has told of is found. */
const SLOW_SWEEP_MS = 30_000;
/** Of the time of this thread, looking for children of those who have gone takes one part in so many. */
const SHARE = 10;
/** And after each such sweep the next one waits twice as long, so many times. */
const MOST_DOUBLINGS = 6;
/** How long processes are looked at before others get their turn. */
const SLICE_MS = 0.25;

const CLOCK = {
  after(ms: number, act: () => void): () => void {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Brings every process of the uids that have limits under accounting: those that {@link heard} tells of, and at each {@link sweep} those
 * that are there. A process that comes under it may have made children before, and so may one that has gone before its turn:
 * there is another sweep then. What cannot be now is tried again, each time after a longer while, and is listed.
 */
export class Enrolment {
  readonly #host: EnrolmentHost;
  /** Those that are being enrolled. */
  readonly #under = new Map<number, Promise<void>>();
  readonly #refused = new Map<number, Waiting>();
  readonly #queue: { readonly uid: number; go(): void }[] = [];
  /** How many of each uid have a turn. */
  readonly #turns = new Map<number, number>();
  #running = 0;
  #sweeping: Promise<void> | undefined;
  /** Asked for a sweep that has not begun. */
  #again = false;
  /** When the last one began, and how long it looked at processes. */
  #sweptAt = -Infinity;
  #lookedMs = 0;
  /** How many sweeps there were for processes that have gone since somebody came. */
  #vain = 0;
  #timer: NodeJS.Timeout | undefined;
  /** When that is due. */
  #due = 0;
  #slow: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(host: EnrolmentHost) {
    this.#host = host;
  }

  /** Processes of uids that have limits and are not held to them, and why not. */
  unaccounted(): readonly UnaccountedProcess[] {
    return [...this.#refused].map(([pid, { uid, error }]) => ({ pid, uid, reason: error.message }));
  }

  /** A process is somebody else's now. */
  heard(pid: number, uid: number): void {
    if (this.#isClosed || !this.#host.isWanted(uid)) return;
    this.#forget(pid);
    void this.#take(pid, uid);
  }

  /** Some that should have been {@link heard} were not: everybody is looked for, but not all the time. */
  lost(): void {
    const rest = this.#sweptAt + LOST_PAUSE_MS - performance.now();
    if (rest > 0) this.#sweepIn(rest);
    else void this.sweep();
  }

  /** Enrols whoever is there and wanted now; resolves when each of them has been tried, or after {@link PATIENCE_MS}. */
  sweep(): Promise<void> {
    // One that is under way may have passed by whom this one is for.
    this.#again = true;
    this.#sweeping ??= this.#sweepAll();
    return this.#sweeping;
  }

  /** Whether there are sweeps from time to time. */
  keepSweeping(isNeeded: boolean): void {
    clearInterval(this.#slow);
    this.#slow = undefined;
    if (!isNeeded || this.#isClosed) return;
    this.#slow = setInterval(() => {
      this.#vain = 0;
      void this.sweep();
    }, SLOW_SWEEP_MS);
    this.#slow.unref();
  }

  /** Nobody else is enrolled. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#slow);
    for (const pid of [...this.#refused.keys()]) this.#forget(pid);
  }

  async #sweepAll(): Promise<void> {
    while (this.#again && !this.#isClosed) {
      this.#again = false;
      try {
        await this.#sweep();
      } catch (error) {
        this.#host.onBug(error);
      }
    }
    this.#sweeping = undefined;
  }

  async #sweep(): Promise<void> {
    this.#sweptAt = performance.now();
    const accounted = await this.#host.accounted();
    const found = new Map<number, Candidate>();
    let looked = 0;
    let slice = performance.now();
    for (const pid of this.#host.pids()) {
      if (this.#isClosed) return;
      if (accounted.has(pid) || this.#refused.has(pid)) continue;
      const candidate = this.#lookAgainLater(pid);
      if (candidate && this.#host.isWanted(candidate.uid)) found.set(pid, candidate);
      const spent = performance.now() - slice;
      if (spent < SLICE_MS) continue;
      looked += spent;
      await new Promise((resolve) => setImmediate(resolve));
      slice = performance.now();
    }
    this.#lookedMs = looked;
    // In whatever order they are listed, a parent is before its children.
    const taken = new Map<number, Promise<void>>();
    const patience = new Promise<void>((resolve) => {
      setTimeout(resolve, PATIENCE_MS).unref();
    });
    const take = (candidate: Candidate): Promise<void> => {
      const { pid, ppid, uid } = candidate;
      const before = taken.get(pid);
      if (before) return before;
      const parent = found.get(ppid);
      const mine = (parent ? Promise.race([take(parent), patience]) : Promise.resolve()).then(() =>
        this.#take(pid, uid),
      );
      taken.set(pid, mine);
      return mine;
    };
    // Who has not had his turn by then has it all the same: the next sweep is not to wait for that.
    await Promise.race([Promise.all([...found.values()].map(take)), patience]);
  }

  #lookAgainLater(pid: number): Candidate | undefined {
    try {
      return this.#host.look(pid);
    } catch {
      this.#sweepIn(LOST_PAUSE_MS);
      return undefined;
    }
  }

  #take(pid: number, uid: number): Promise<void> {
    const before = this.#under.get(pid);
    if (before) return before;
    const mine = this.#turn(uid, () => this.#enrol(pid, uid)).finally(() => this.#under.delete(pid));
    this.#under.set(pid, mine);
    return mine;
  }

  /** Runs `act` when fewer than {@link AT_A_TIME} run, and of those that wait one whose uid has the fewest: no user keeps out the others. */
  async #turn(uid: number, act: () => Promise<void>): Promise<void> {
    if (this.#running >= AT_A_TIME) await new Promise<void>((go) => this.#queue.push({ uid, go }));
    else this.#begin(uid);
    try {
      await act();
    } finally {
      this.#running--;
      const rest = this.#turns.get(uid)! - 1;
      if (rest > 0) this.#turns.set(uid, rest);
      else this.#turns.delete(uid);
      this.#next();
    }
  }

  #begin(uid: number): void {
    this.#running++;
    this.#turns.set(uid, (this.#turns.get(uid) ?? 0) + 1);
  }

  #next(): void {
    let [best] = this.#queue;
    if (!best) return;
    const turns = ({ uid }: { readonly uid: number }): number => this.#turns.get(uid) ?? 0;
    for (const each of this.#queue) if (turns(each) < turns(best)) best = each;
    this.#queue.splice(this.#queue.indexOf(best), 1);
    this.#begin(best.uid);
    best.go();
  }

  /** `heard`: whose it was when it was put in the queue. Never rejects. */
  async #enrol(pid: number, heard: number): Promise<void> {
    if (this.#isClosed) return;
    let uid = heard;
    try {
      // By now the process may have another uid, or the pid may be another process's.
      const now = this.#host.look(pid);
      if (!now) return this.#hasGone(pid);
      uid = now.uid;
      if (!this.#host.isWanted(uid)) return this.#forget(pid);
      const late = (): Errno => new Errno("ETIMEDOUT", `process ${pid} could not be stopped within a second`);
      const isNew = await toPromise(within(this.#host.enrol(pid, uid), CLOCK, PATIENCE_MS, late));
      this.#forget(pid);
      if (!isNew) return;
      this.#vain = 0;
      this.#sweepIn(SETTLE_MS);
    } catch (error) {
      if (!isErrno(error)) this.#host.onBug(error);
      const errno = isErrno(error) ? error : new Errno("EIO", String(error), error);
      if (errno.code === "ESRCH" || errno.code === "ENOENT") this.#hasGone(pid);
      else this.#refuse(pid, uid, errno);
    }
  }

  /** It may have left children, who are nobody's news: they have not changed their uid. */
  #hasGone(pid: number): void {
    this.#forget(pid);
    const pause = SETTLE_MS * 2 ** Math.min(this.#vain, MOST_DOUBLINGS);
    if (this.#sweepIn(Math.max(pause, this.#lookedMs * (SHARE - 1)))) this.#vain++;
  }

  #refuse(pid: number, uid: number, error: Errno): void {
    if (this.#isClosed) return;
    const tries = (this.#refused.get(pid)?.tries ?? 0) + 1;
    this.#forget(pid);
    this.#refused.set(pid, new Waiting(uid, error, tries, () => void this.#take(pid, uid)));
  }

  #forget(pid: number): void {
    this.#refused.get(pid)?.cancel();
    this.#refused.delete(pid);
  }

  /** False: there is one already by then, or nobody else is enrolled. */
  #sweepIn(ms: number): boolean {
    const due = performance.now() + ms;
    if (this.#isClosed || (this.#timer && this.#due <= due)) return false;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.sweep();
    }, ms);
    this.#timer.unref();
    return true;
  }
}
