import { libcClose } from "../linux/ffi/libc.ts";
import type { Listener } from "./listener.ts";
import { HUNG_UP, NOTHING, PollSet } from "./poll-set.ts";
import { WatchSet } from "./watch-set.ts";

/** So many listeners are waited for directly; each costs every wait 30 ns. */
const DIRECT = 4;
const BELL = DIRECT;
const OTHERS = DIRECT + 1;
const EXITS = DIRECT + 2;
/** A listener that had no call in so many turns gives its place away. */
const IDLE_TURNS = 64;

/** Told of what is there. */
export interface SourceEvents {
  /** A call waits at that listener. */
  called(listener: Listener): void;
  /** Nobody is under its filter any more. */
  ended(listener: Listener): void;
}

/**
 * All that the accountant's thread waits for. The listeners that had calls lately are waited for directly and not through the epoll set: the
 * kernel wakes who waits for a listener itself on the processor of the caller, who sleeps then; through an epoll set it wakes us on
 * another one, which is asleep, and that takes ten times as long.
 */
export class CallSources {
  /** Everything that is not waited for directly. */
  readonly watches: WatchSet = new WatchSet();
  readonly #polls: PollSet = new PollSet(DIRECT + 3);
  readonly #events: SourceEvents;
  readonly #direct: (Listener | undefined)[] = Array.from({ length: DIRECT }, () => undefined);
  /** In which turn each place had its last call. */
  readonly #used: number[] = Array.from({ length: DIRECT }, () => 0);
  #turn = 0;

  /** `bell` is what wakes this thread for messages. */
  constructor(bell: number, events: SourceEvents) {
    this.#events = events;
    this.#polls.put(BELL, bell);
    this.#polls.put(OTHERS, this.watches.fd);
  }

  /** The listener's descriptor is this set's from now on. */
  add(listener: Listener): void {
    this.watches.add(listener.fd, true, (isHungUp) => {
      if (isHungUp) this.#events.ended(listener);
      else {
        this.#promote(listener);
        this.#events.called(listener);
      }
    });
  }

  /** Closes the descriptor of a listener. */
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

  /** It is waited for directly from now on, if there is a place for it. */
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
   * Waits until something is there, `timeoutMs` milliseconds at most, and tells of one call of each listener that has one. `exits` is
   * waited for as well, unless it is -1. False: nothing was there.
   */
  wait(timeoutMs: number, exits: number): boolean {
    this.#polls.put(EXITS, exits);
    this.#turn++;
    if (!this.#polls.wait(timeoutMs)) return false;
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

  /** Whether there was something of `exits`. */
  get hasExits(): boolean {
    return this.#polls.found(EXITS) !== NOTHING;
  }

  close(): void {
    for (const listener of this.#direct) if (listener) libcClose(listener.fd);
    this.watches.closeAll();
  }
}
