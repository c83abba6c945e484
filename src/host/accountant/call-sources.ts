import { libcClose } from "../linux/ffi/libc.ts";
import type { Pulse } from "../linux/pulse.ts";
import type { Listener } from "./listener.ts";
import { HUNG_UP, NOTHING, PollSet } from "./poll-set.ts";
import { WatchSet } from "./watch-set.ts";

/** How many listeners are in the ppoll set itself; each costs every wait 30 ns. */
const DIRECT = 4;
const BELL = DIRECT;
const OTHERS = DIRECT + 1;
const EXITS = DIRECT + 2;
/** A listener without a call in so many turns may lose its place to another one. */
const IDLE_TURNS = 64;

/** Called from within {@link CallSources.wait}. */
export interface SourceEvents {
  /** A notification waits at that listener. */
  called(listener: Listener): void;
  /** No process is under its filter any more. */
  ended(listener: Listener): void;
}

/**
 * All that the accountant's thread waits for. The listeners that had calls lately are in the ppoll set itself; the others are in an epoll
 * set. The kernel wakes a thread that polls a listener on the processor of the caller, which sleeps from then on. Through an epoll set it
 * wakes the thread on another processor, which has to be woken first: that takes ten times as long.
 */
export class CallSources {
  /** The epoll set: every descriptor that has no place of its own. */
  readonly watches: WatchSet = new WatchSet();
  readonly #polls: PollSet = new PollSet(DIRECT + 3);
  readonly #events: SourceEvents;
  readonly #pulse: Pulse;
  readonly #direct: (Listener | undefined)[] = Array.from({ length: DIRECT }, () => undefined);
  /** The turn in which each place had its last call. */
  readonly #used: number[] = Array.from({ length: DIRECT }, () => 0);
  #turn = 0;

  /** `bell`: the eventfd that wakes this thread for messages. It stays the caller's. */
  constructor(bell: number, events: SourceEvents, pulse: Pulse) {
    this.#events = events;
    this.#pulse = pulse;
    this.#polls.put(BELL, bell);
    this.#polls.put(OTHERS, this.watches.fd);
  }

  /** Waits for a listener from now on, and owns its descriptor. */
  add(listener: Listener): void {
    this.watches.add(listener.fd, true, (isHungUp) => {
      if (isHungUp) this.#events.ended(listener);
      else {
        this.#promote(listener);
        this.#events.called(listener);
      }
    });
  }

  /** Waits for a listener no more, and closes its descriptor. */
  remove(listener: Listener): void {
    const place = this.#direct.indexOf(listener);
    if (place < 0) this.watches.remove(listener.fd);
    else this.#put(place, undefined);
    libcClose(listener.fd);
  }

  #put(place: number, listener: Listener | undefined): void {
    this.#direct[place] = listener;
    this.#used[place] = this.#turn;
    this.#polls.put(place, listener?.fd ?? -1);
  }

  /** Gives a listener a place in the ppoll set, if one is free or idle. */
  #promote(listener: Listener): void {
    for (let place = 0; place < DIRECT; place++) {
      const before = this.#direct[place];
      if (before && this.#turn - this.#used[place]! < IDLE_TURNS) continue;
      this.watches.remove(listener.fd);
      this.#put(place, listener);
      if (before) this.add(before);
      return;
    }
  }

  /**
   * Waits until a descriptor is ready, `timeoutMs` milliseconds at most, and reports one call of each listener that has one. `exits` is a
   * further descriptor to wait for, -1 for none. False: nothing was ready.
   */
  wait(timeoutMs: number, exits: number): boolean {
    this.#polls.put(EXITS, exits);
    this.#turn++;
    this.#pulse.idle();
    const isReady = this.#polls.wait(timeoutMs);
    this.#pulse.busy();
    if (!isReady) return false;
    for (let place = 0; place < DIRECT; place++) {
      const found = this.#polls.found(place);
      if (found === NOTHING) continue;
      const listener = this.#direct[place]!;
      if (found === HUNG_UP) this.#events.ended(listener);
      else {
        this.#used[place] = this.#turn;
        this.#events.called(listener);
      }
    }
    if (this.#polls.found(OTHERS) !== NOTHING) this.watches.poll();
    return true;
  }

  /** Whether the bell rang when {@link wait} returned. */
  get bellRings(): boolean {
    return this.#polls.found(BELL) !== NOTHING;
  }

  /** Whether `exits` was ready when {@link wait} returned. */
  get hasExits(): boolean {
    return this.#polls.found(EXITS) !== NOTHING;
  }

  /** Closes every listener and the epoll set. */
  close(): void {
    for (const listener of this.#direct) if (listener) libcClose(listener.fd);
    this.watches.closeAll();
  }
}
