// The global of this name is a getter, which costs as much as the clock.
import { performance } from "node:perf_hooks";
import { ERRNO } from "../../core/base/errno.ts";
import type { AccountedProcess } from "../../core/notify/process.ts";
import { errnoNow, libcClose, libcPidfdOpen } from "../linux/ffi/libc.ts";
import { openFileLimit } from "../linux/probes.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import { WatchSet } from "./watch-set.ts";

/** How often exits are collected while there are some: until then what has exited counts as if it were there. */
const COLLECT_MS = 10;
/** Descriptors that are left for everything else. */
const SPARE_DESCRIPTORS = 64;

export interface ExitEvents {
  exited(process: AccountedProcess): void;
  /** It has not when exits are collected for the first time since it came, as far as is known by then. */
  stays(process: AccountedProcess): void;
  /** Whether its number is somebody else's, or nobody's. */
  isGone(process: AccountedProcess): boolean;
  /** A process is not watched: the next look finds that it is gone. */
  failed(error: unknown, process: AccountedProcess): void;
}

/** pidfd_open(2): a descriptor, or -1 and errno. */
type OpenPidfd = (pid: number, flags: number) => number;

/**
 * Finds out which processes have exited. Not each when it does, which would wake the thread between two calls of a shell, but all of a
 * moment together, or when somebody has to know: a charge that is still there only makes a bound too high. Most of those that come
 * are gone by then, and never had a descriptor.
 */
export class ExitWatch {
  readonly #watches: WatchSet;
  readonly #events: ExitEvents;
  readonly #open: OpenPidfd;
  readonly #alarm: Alarm;
  readonly #mostDescriptors: number = openFileLimit() - SPARE_DESCRIPTORS;
  /** Come since exits were collected last. */
  #young: AccountedProcess[] = [];

  constructor(alarms: Alarms, events: ExitEvents, watches: WatchSet = new WatchSet(), open: OpenPidfd = libcPidfdOpen) {
    this.#watches = watches;
    this.#events = events;
    this.#open = open;
    this.#alarm = alarms.make(() => this.collect());
  }

  /** A process has come. */
  add(process: AccountedProcess): void {
    if (this.#young.push(process) === 1) this.#alarm.noLaterThan(performance.now() + COLLECT_MS);
  }

  /** What tells of an exit when it happens; -1 while they are collected at a time that is fixed already. */
  get fd(): number {
    return this.#alarm.at === Number.POSITIVE_INFINITY ? this.#watches.fd : -1;
  }

  /** Tells of all that have exited by now. */
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

  /** Watches a process by that descriptor, or closes it. False: it has ended, and the descriptor is of whoever has its number. */
  #watch(process: AccountedProcess, fd: number): boolean {
    let isWatched = false;
    try {
      if (this.#events.isGone(process)) return false;
      // One too many: the next look finds that it is gone.
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
