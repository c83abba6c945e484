import { setTimeout as pause } from "node:timers/promises";
import { Errno } from "../../core/base/errno.ts";
import { DescriptorStore } from "../../host/linux/descriptor-store.ts";
import type { Descriptors } from "../../host/linux/descriptors.ts";
import type { Inheritance } from "./inheritance.ts";
import { inheritedPair, type KeeperPair, type KeeperSetting, startKeeperPair } from "./process.ts";
import type { Patience } from "./script.ts";
import { isSoleDaemon } from "./sole-daemon.ts";

/** A daemon that does not last is given up before a minute is over: 39 seconds of it are pauses. */
const PATIENCE: Patience = { perMinute: 10, atOnce: 3 };
/** A keeper that ends sooner is not replaced at once. */
const SHORT_LIFE_MS = 1000;

export interface KeeperOptions extends Omit<KeeperSetting, "patience"> {
  /** What says that this process and its keeper, nobody else, are this user's daemon. */
  readonly lock: number;
  readonly inheritance?: Inheritance | undefined;
  readonly patience?: Patience;
  onBug(error: unknown): void;
}

/**
 * The daemon's side of keeper and guard, processes that have the descriptors open as well, and start a daemon again when this one
 * dies before it has said {@link dismiss}. There are none before the first descriptor; when one of them dies, there is another
 * pair, and what is left of the old one ends after that.
 */
export class Keeper implements Descriptors {
  readonly kept: ReadonlyMap<string, number> = new Map();
  readonly #options: KeeperOptions;
  #store: DescriptorStore | undefined;
  #pair: KeeperPair | undefined;
  /** What is left of pairs that are to be replaced, until it has ended. */
  readonly #old = new Set<KeeperPair>();
  #starting: Promise<void> | undefined;
  #dismissed = false;
  #abandoned = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    isSoleDaemon(options.lock);
    if (!options.inheritance) return;
    const { store, held } = DescriptorStore.adopt(options.inheritance.ends);
    this.#store = store;
    this.kept = held;
    this.#goOnWith(inheritedPair(options.inheritance), 0);
  }

  /** How many descriptors are held. */
  get size(): number {
    return this.#store?.size ?? 0;
  }

  /** @throws {Errno} ENOENT as well, where there is no shell to be the keeper. */
  async hold(name: string, fd: number, owner?: number): Promise<void> {
    await this.#ensure();
    if (this.#dismissed || !this.#store) throw new Errno("EBUSY", "the daemon is ending; start it again");
    this.#store.hold(name, fd, owner);
  }

  drop(name: string): void {
    this.#store?.drop(name);
  }

  /** The daemon ends on purpose: resolves when the keeper is no more, and nothing is held. */
  async dismiss(): Promise<void> {
    if (this.#dismissed) return;
    this.#dismissed = true;
    await this.#starting?.catch(() => {});
    // Not asked, which a stopped one would not hear: it has nothing to put in order.
    for (const pair of [this.#pair, ...this.#old]) {
      pair?.kill();
      await pair?.ended;
    }
    this.#store?.close();
    this.#store = undefined;
  }

  /** This process fails, and the keeper is to try with another. */
  abandon(): void {
    this.#dismissed = true;
    this.#abandoned = true;
    this.#pair?.forget();
    for (const pair of this.#old) pair.forget();
  }

  #ensure(delayMs = 0): Promise<void> {
    if (this.#pair || this.#dismissed) return Promise.resolve();
    this.#starting ??= this.#start(delayMs).finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #start(delayMs: number): Promise<void> {
    if (delayMs > 0) await pause(delayMs);
    if (this.#dismissed) return;
    const { lock, patience = PATIENCE } = this.#options;
    this.#store ??= DescriptorStore.create();
    const pair = await startKeeperPair({ ...this.#options, patience }, this.#store.ends, lock);
    // A watch would keep the process that has failed.
    if (this.#abandoned) pair.forget();
    else this.#goOnWith(pair);
    // Not before: with this process they are all that holds anything.
    for (const old of this.#old) old.kill();
  }

  #goOnWith(pair: KeeperPair, since = Date.now()): void {
    this.#pair = pair;
    void pair.broken.then(() => {
      if (this.#dismissed) return;
      this.#pair = undefined;
      this.#old.add(pair);
      void pair.ended.then(() => this.#old.delete(pair));
      this.#replace(Date.now() - since < SHORT_LIFE_MS ? SHORT_LIFE_MS : 0);
    });
  }

  /** Says once why there is no other, and tries until there is. */
  #replace(delayMs: number, toldOnce = false): void {
    this.#ensure(delayMs).catch((error) => {
      if (!toldOnce) this.#options.onBug(error);
      this.#replace(SHORT_LIFE_MS, true);
    });
  }
}
