import { Errno, isErrno } from "../../core/base/errno.ts";
import type { UnaccountedProcess } from "../../core/procfs/accounts-port.ts";
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
  /** undefined: it has gone. */
  look(pid: number): Candidate | undefined;
  /** Which are under accounting. */
  accounted(): Promise<ReadonlySet<number>>;
  /** Puts it under accounting, as of a session of that uid. False: it was already. Rejects with why it cannot be. */
  enrol(pid: number, sessionOf: number): Promise<boolean>;
  /** Whether processes of that uid are to be under accounting. */
  isWanted(uid: number): boolean;
  onBug(error: unknown): void;
}

/** How many are stopped for it at a time. */
const AT_A_TIME = 8;
/** How long the children that a process made before it was under accounting are waited for before they are looked for. */
const SETTLE_MS = 20;
/** How long processes are looked at before others get their turn. */
const SLICE_MS = 0.25;

/**
 * Brings every process of the uids that have limits under accounting: those that {@link heard} tells of, and at each {@link sweep} those
 * that are there. A process that comes under it may have made children before: as long as one came, there is another sweep. What
 * cannot be now is tried again, each time after a longer while, and is listed.
 */
export class Enrolment {
  readonly #host: EnrolmentHost;
  /** Those that are being enrolled. */
  readonly #under = new Map<number, Promise<void>>();
  readonly #refused = new Map<number, Waiting>();
  readonly #queue: (() => void)[] = [];
  #running = 0;
  #sweeping: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(host: EnrolmentHost) {
    this.#host = host;
  }

  /** Processes of uids that have limits and are not held to them, and why not. */
  unaccounted(): readonly UnaccountedProcess[] {
    this.#forgetGone();
    return [...this.#refused].map(([pid, { uid, error }]) => ({ pid, uid, reason: error.message }));
  }

  /** A process is somebody else's now. */
  heard(pid: number, uid: number): void {
    if (this.#isClosed || !this.#host.isWanted(uid)) return;
    this.#forget(pid);
    void this.#take(pid);
  }

  /** Enrols whoever is there and wanted; resolves when each of them has been tried. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep()
      .catch((error) => this.#host.onBug(error))
      .finally(() => {
        this.#sweeping = undefined;
      });
    return this.#sweeping;
  }

  /** Nobody else is enrolled. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const pid of [...this.#refused.keys()]) this.#forget(pid);
  }

  async #sweep(): Promise<void> {
    const accounted = await this.#host.accounted();
    const found = new Map<number, Candidate>();
    let slice = performance.now();
    for (const pid of this.#host.pids()) {
      if (this.#isClosed) return;
      if (accounted.has(pid) || this.#refused.has(pid)) continue;
      const candidate = this.#host.look(pid);
      if (candidate && this.#host.isWanted(candidate.uid)) found.set(pid, candidate);
      if (performance.now() - slice < SLICE_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      slice = performance.now();
    }
    // In whatever order they are listed, a parent is before its children.
    const taken = new Map<number, Promise<void>>();
    const take = (candidate: Candidate): Promise<void> => {
      const { pid, ppid } = candidate;
      const before = taken.get(pid);
      if (before) return before;
      const parent = found.get(ppid);
      const mine = (parent ? take(parent) : Promise.resolve()).then(() => this.#take(pid));
      taken.set(pid, mine);
      return mine;
    };
    await Promise.all([...found.values()].map(take));
  }

  #take(pid: number): Promise<void> {
    const before = this.#under.get(pid);
    if (before) return before;
    const mine = this.#turn(() => this.#enrol(pid)).finally(() => this.#under.delete(pid));
    this.#under.set(pid, mine);
    return mine;
  }

  /** Runs `act` when fewer than {@link AT_A_TIME} run. */
  async #turn(act: () => Promise<void>): Promise<void> {
    if (this.#running >= AT_A_TIME) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#running++;
    try {
      await act();
    } finally {
      this.#running--;
      this.#queue.shift()?.();
    }
  }

  async #enrol(pid: number): Promise<void> {
    if (this.#isClosed) return;
    // By now the process may have another uid, or the pid may be another process's.
    const now = this.#host.look(pid);
    if (!now || !this.#host.isWanted(now.uid)) {
      this.#forget(pid);
      return;
    }
    const { uid } = now;
    try {
      const isNew = await this.#host.enrol(pid, uid);
      this.#forget(pid);
      if (isNew) this.#sweepSoon();
    } catch (error) {
      if (!isErrno(error)) this.#host.onBug(error);
      const errno = isErrno(error) ? error : new Errno("EIO", String(error), error);
      if (errno.code === "ESRCH" || errno.code === "ENOENT") this.#forget(pid);
      else this.#refuse(pid, uid, errno);
    }
  }

  #refuse(pid: number, uid: number, error: Errno): void {
    if (this.#isClosed) return;
    const tries = (this.#refused.get(pid)?.tries ?? 0) + 1;
    this.#forget(pid);
    this.#refused.set(pid, new Waiting(uid, error, tries, () => void this.#take(pid)));
  }

  #forget(pid: number): void {
    this.#refused.get(pid)?.cancel();
    this.#refused.delete(pid);
  }

  #forgetGone(): void {
    for (const pid of [...this.#refused.keys()]) {
      const now = this.#host.look(pid);
      if (!now || !this.#host.isWanted(now.uid)) this.#forget(pid);
    }
  }

  #sweepSoon(): void {
    if (this.#timer || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // One that is under way may have passed the child already.
      void (this.#sweeping ?? Promise.resolve()).then(() => (this.#isClosed ? undefined : this.sweep()));
    }, SETTLE_MS);
    this.#timer.unref();
  }
}
