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
}

/**
 * Finds out which processes have exited. Not each when it does, which would wake the thread between two calls of a shell, but all of a
 * moment together, or when somebody has to know: a charge that is still there only makes a bound too high. Most of those that come
 * are gone by then, and never had a descriptor.
 */
export class ExitWatch {
  readonly #watches: WatchSet = new WatchSet();
  readonly #events: ExitEvents;
  readonly #alarm: Alarm;
  readonly #mostDescriptors: number = openFileLimit() - SPARE_DESCRIPTORS;
  /** Come since exits were collected last. */
  #young: AccountedProcess[] = [];

  constructor(alarms: Alarms, events: ExitEvents) {
    this.#events = events;
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
    for (const process of young) this.#watch(process);
    const before = this.#watches.size;
    for (let left = -1; this.#watches.size !== left && this.#watches.size > 0; ) {
      left = this.#watches.size;
      this.#watches.poll();
    }
    if (this.#watches.size !== before) this.#alarm.noLaterThan(performance.now() + COLLECT_MS);
  }

  #watch(process: AccountedProcess): void {
    const fd = libcPidfdOpen(process.pid, 0);
    if (fd >= 0 && fd < this.#mostDescriptors) {
      this.#watches.add(fd, true, () => {
        this.#watches.close(fd);
        this.#events.exited(process);
      });
      this.#events.stays(process);
    }
    // One too many: the next look finds that it is gone.
    else if (fd >= 0) {
      libcClose(fd);
      this.#events.stays(process);
    } else if (errnoNow() === ERRNO.ESRCH) this.#events.exited(process);
  }

  close(): void {
    this.#watches.closeAll();
  }
}
