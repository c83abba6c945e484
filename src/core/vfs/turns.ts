/** What a uid may use of the main thread ahead of the others before its next request waits for theirs: milliseconds. */
const AHEAD_MS = 0.5;
/** So long requests that have waited are served before it is looked again for others that have come: milliseconds; at least one. */
const AT_ONCE_MS = 0.5;
/**
 * Bytes that requests which wait for their turn hold between them, each counted as {@link OVERHEAD} more. What one uid's hold is limited
 * far below that, by `Claims.queued`: else he would keep the requests of others from being seen at all.
 */
const MOST_BYTES = 32 * 1024 * 1024;
const OVERHEAD = 256;

/** How many uids are remembered although they are ahead of no other. */
const MOST_KNOWN = 64;

export interface TurnsHost {
  /** A clock that only moves forward, milliseconds. */
  now(): number;
  /** Calls `act` when all requests that have come by now are known: later than this call returns. */
  soon(act: () => void): void;
}

/** A request that waits for its turn. */
export interface Turn {
  /** The request does not wait any more: it was interrupted. */
  cancel(): void;
}

interface Waiting extends Turn {
  serve: (() => void) | undefined;
  readonly bytes: number;
}

/**
 * Whose request the main thread serves next: a fair queue by uid, root's among them, after the time that was spent on each. A uid that
 * is ahead of the others waits until all who have come meanwhile are served; where nobody else has come, that is at once. So what one
 * uid asks for costs another one request of waiting, however many it has sent. Time is the clock's and not the processor's: it is what
 * others would have had to wait.
 */
export class Turns {
  readonly #host: TurnsHost;
  /** The service that each uid has received: milliseconds on a virtual clock. A uid that is not here stands at {@link #reached}. */
  readonly #served = new Map<number, number>();
  #reached = 0;
  /** The highest value of {@link #served}. */
  #most = 0;
  /** By uid: its requests, oldest first. */
  readonly #waiting = new Map<number, Waiting[]>();
  #bytes = 0;
  #isDue = false;
  #isSpending = false;

  constructor(host: TurnsHost) {
    this.#host = host;
  }

  /** Whether a request of `uid` is to be served now; else it is to {@link wait}. */
  admits(uid: number): boolean {
    const served = this.#served.get(uid);
    return served === undefined || (served <= this.#reached + AHEAD_MS && !this.#waiting.has(uid));
  }

  /**
   * Calls `serve`, once, when it is the turn of `uid`; it has to use {@link spend}. `bytes`: how much memory the request holds meanwhile.
   */
  wait(uid: number, bytes: number, serve: () => void): Turn {
    const waiting: Waiting = {
      serve,
      bytes: bytes + OVERHEAD,
      cancel: () => {
        waiting.serve = undefined;
      },
    };
    const others = this.#waiting.get(uid);
    if (others) others.push(waiting);
    else this.#waiting.set(uid, [waiting]);
    this.#bytes += waiting.bytes;
    this.#soon();
    return waiting;
  }

  /** Whether no more requests are to be received until some of the waiting ones have been served. */
  get full(): boolean {
    return this.#bytes >= MOST_BYTES;
  }

  /** Calls `act` and charges its time to `uid`. Within another `spend` the time belongs to the outer one. */
  spend(uid: number, act: () => void): void {
    if (this.#isSpending) {
      act();
      return;
    }
    this.#isSpending = true;
    const begun = this.#host.now();
    try {
      act();
    } finally {
      this.#isSpending = false;
      const served = Math.max(this.#served.get(uid) ?? 0, this.#reached) + this.#host.now() - begun;
      this.#served.set(uid, served);
      this.#most = Math.max(this.#most, served);
    }
  }

  /** No other uid has sent a request: forgets what was used, unless a request waits. */
  rest(): void {
    if (!this.#isDue) this.#forget();
  }

  /** As {@link rest}, for a transport that does not know about the others: once all requests that have come are known. */
  restSoon(): void {
    this.#soon();
  }

  #soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#host.soon(() => this.#serveWaiting());
  }

  #serveWaiting(): void {
    const end = this.#host.now() + AT_ONCE_MS;
    try {
      for (let uid = this.#next(); uid !== undefined; uid = this.#next()) {
        this.#serveOne(uid);
        if (this.#host.now() >= end) break;
      }
    } finally {
      this.#isDue = false;
      if (this.#waiting.size > 0) this.#soon();
      else this.#forget();
    }
  }

  #serveOne(uid: number): void {
    this.#reached = Math.max(this.#reached, this.#served.get(uid) ?? 0);
    const queue = this.#waiting.get(uid)!;
    const { serve, bytes } = queue.shift()!;
    if (queue.length === 0) this.#waiting.delete(uid);
    this.#bytes -= bytes;
    serve?.();
  }

  /** The uid with a waiting request that has received the least service. */
  #next(): number | undefined {
    let next: number | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const uid of this.#waiting.keys()) {
      const served = this.#served.get(uid) ?? 0;
      if (served >= least) continue;
      next = uid;
      least = served;
    }
    return next;
  }

  /** Forgets what every uid has received: all are equal again. */
  #forget(): void {
    this.#reached = this.#most;
    if (this.#served.size > MOST_KNOWN) this.#served.clear();
  }
}
