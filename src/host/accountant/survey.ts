import type { Accounts } from "../../core/notify/accounts.ts";
import { NOT_YET } from "../../core/space/ports.ts";
import type { AccountedProcess } from "../../core/space/process.ts";
import { Parked } from "../../core/vfs/parked.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import type { MapCache } from "./map-cache.ts";
import { Retries } from "./retries.ts";

/** How long a reader of the figures waits at most for allowed calls to happen. */
const WAIT_MS = 100;
/** How often that is checked. */
const RETRY_MS = 1;
/** After so long a survey lets trapped calls be decided before it reads the next map. */
const SLICE_MS = 1;

/**
 * Brings all figures up to date with the kernel's maps for those who read them, one space after the other, with trapped calls served in
 * between. A map that has not changed since it was read is not read again. All who ask while a survey is under way share the next one,
 * since the present one may have passed what they want to see.
 */
export class Survey {
  readonly #accounts: Accounts;
  readonly #alarm: Alarm;
  readonly #failed: (error: unknown, what: string) => void;
  readonly #retries: Retries;
  /** They wait for the next survey. */
  #asking: Parked<void>[] = [];
  /** They wait for the present survey. */
  #served: Parked<void>[] = [];
  /** Processes that the present pass has not read; undefined between two passes. */
  #left: AccountedProcess[] | undefined;
  /** When the present survey ends even if a call is still under way: milliseconds of performance.now(). */
  #until = 0;

  constructor(accounts: Accounts, maps: MapCache, alarms: Alarms, failed: (error: unknown, what: string) => void) {
    this.#accounts = accounts;
    this.#retries = new Retries(maps, alarms);
    this.#failed = failed;
    this.#alarm = alarms.make(() => this.#step());
  }

  /** Settles when a survey that begins from now on is over. Never fails. */
  ask(): Parked<void> {
    const done = new Parked<void>();
    this.#asking.push(done);
    this.#alarm.noLaterThan(0);
    return done;
  }

  #step(): void {
    const start = performance.now();
    if (!this.#left) {
      if (this.#served.length === 0) {
        this.#served = this.#asking.splice(0);
        this.#until = start + WAIT_MS;
      }
      this.#guard("looking for children", () => this.#accounts.arrivals.findPending());
      this.#left = [...this.#accounts.population];
    }
    for (let process = this.#left.pop(); process; process = this.#left.pop()) {
      const { pid } = process;
      const looked = process;
      this.#retries.try(() => this.#guard(`a look at process ${pid}`, () => this.#readMap(looked)));
      if (performance.now() - start >= SLICE_MS) break;
    }
    if (this.#left.length > 0) {
      this.#alarm.at = 0;
      return;
    }
    // Maps that are being read on the other thread: they arrive, or are given up in time.
    if (this.#retries.any) {
      this.#alarm.at = start + RETRY_MS;
      return;
    }
    this.#left = undefined;
    this.#finishPass();
  }

  /** A map has arrived that was read on the other thread. */
  arrived(): void {
    this.#retries.again();
  }

  #readMap(process: AccountedProcess): void {
    const { population } = this.#accounts;
    if (population.find(process.pid) !== process) return;
    population.refresh(process);
    const { sizeAtRead } = process.space;
    const size = sizeAtRead && this.#accounts.targets.size(process.pid);
    if (size && size.total === sizeAtRead.total && size.data === sizeAtRead.data) return;
    this.#accounts.readMap(process.space);
  }

  #finishPass(): void {
    let isUnsettled = false;
    this.#guard("a look at shared memory", () => {
      this.#accounts.objects.sweep(this.#accounts.population, true);
      isUnsettled = this.#accounts.isUnsettled();
    });
    const now = performance.now();
    if (isUnsettled && now < this.#until) {
      this.#alarm.at = now + RETRY_MS;
      return;
    }
    for (const done of this.#served.splice(0)) done.settle();
    if (this.#asking.length > 0) this.#alarm.at = 0;
  }

  #guard(what: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (error === NOT_YET) throw error;
      this.#failed(error, what);
    }
  }
}
