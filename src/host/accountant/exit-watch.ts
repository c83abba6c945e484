// The global of this name is a getter, which costs as much as the clock.
import { performance } from "node:perf_hooks";
import { ERRNO } from "../../core/base/errno.ts";
import type { AccountedProcess } from "../../core/space/process.ts";
import { errnoNow, libcClose, libcPidfdOpen } from "../linux/ffi/libc.ts";
import { openFileLimit } from "../linux/probes.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import { WatchSet } from "./watch-set.ts";

/** How often exits are collected while there are some. Until then an exited process counts as if it were there. */
const COLLECT_MS = 10;
/** How many descriptors of the process's limit are left for everything but pidfds. */
const SPARE_DESCRIPTORS = 64;

/** Called from within {@link ExitWatch.collect}. */
export interface ExitEvents {
  exited(process: AccountedProcess): void;
  /** The process still runs when exits are collected for the first time since it was added. */
  stays(process: AccountedProcess): void;
  /** Whether the pid is unused, or another process has it. */
  isGone(process: AccountedProcess): boolean;
  /** The process cannot be watched. Its exit is found when its map is read the next time. */
  failed(error: unknown, process: AccountedProcess): void;
}

/** pidfd_open(2): a descriptor, or -1 and errno. */
type OpenPidfd = (pid: number, flags: number) => number;

/**
 * Finds out which processes have exited, by pidfds. Exits are collected together every few milliseconds, or when somebody has to know; to
 * wake the thread for each would cost more, and until then the total is only too high. A process gets its pidfd at the first collection
 * after it was added: most commands have exited by then and never need one.
 */
export class ExitWatch {
  readonly #watches: WatchSet;
  readonly #events: ExitEvents;
  readonly #open: OpenPidfd;
  readonly #alarm: Alarm;
  readonly #mostDescriptors: number = openFileLimit() - SPARE_DESCRIPTORS;
  /** Added since exits were collected last; they have no pidfd yet. */
  #young: AccountedProcess[] = [];

  constructor(alarms: Alarms, events: ExitEvents, watches: WatchSet = new WatchSet(), open: OpenPidfd = libcPidfdOpen) {
    this.#watches = watches;
    this.#events = events;
    this.#open = open;
    this.#alarm = alarms.make(() => this.collect());
  }

  /** Watches a process from now on. */
  add(process: AccountedProcess): void {
    if (this.#young.push(process) === 1) this.#alarm.noLaterThan(performance.now() + COLLECT_MS);
  }

  /** The descriptor that is readable when a process exits; -1 while the next collection is scheduled already. */
  get fd(): number {
    return this.#alarm.at === Number.POSITIVE_INFINITY ? this.#watches.fd : -1;
  }

  /** Reports every process that has exited by now. */
  collect(): void {
    const young = this.#young;
    this.#young = [];
    for (const process of young) this.#inspect(process);
    const before = this.#watches.size;
    for (let left = -1; this.#watches.size !== left && this.#watches.size > 0; ) {
      left = this.#watches.size;
      this.#watches.poll();
    }
    if (this.#watches.size !== before) this.#alarm.noLaterThan(performance.now() + COLLECT_MS);
  }

  /** Opens the pidfd of a process that was added, or finds that it has exited. */
  #inspect(process: AccountedProcess): void {
    const fd = this.#open(process.pid, 0);
    let isThere = fd >= 0 || errnoNow() !== ERRNO.ESRCH;
    try {
      isThere &&= this.#watch(process, fd);
    } catch (error) {
      this.#events.failed(error, process);
    }
    if (isThere) this.#events.stays(process);
    else this.#events.exited(process);
  }

  /** Watches a process by its pidfd, or closes that. False: the process has exited, and the descriptor is that of a later process. */
  #watch(process: AccountedProcess, fd: number): boolean {
    let isWatched = false;
    try {
      if (this.#events.isGone(process)) return false;
      // No descriptor is left for it: its exit is found when its map is read the next time.
      if (fd < 0 || fd >= this.#mostDescriptors) return true;
      this.#watches.add(fd, true, () => {
        this.#watches.close(fd);
        this.#events.exited(process);
      });
      isWatched = true;
      return true;
    } finally {
      if (fd >= 0 && !isWatched) libcClose(fd);
    }
  }

  close(): void {
    this.#watches.closeAll();
  }
}
