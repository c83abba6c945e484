/** So many at once, and so many a second after that. */
const BURST = 10_000;
const A_SECOND = 100;
/** So many are remembered; when there are more, those that have their whole share are forgotten. */
const MOST_KNOWN = 1024;

interface Share {
  left: number;
  /** When that was so: milliseconds since 1970. */
  atMs: number;
}

/** What each user may have written down, so that who makes much happen leaves room for what others do: a token bucket each. */
export class Shares<K> {
  readonly #shares = new Map<K, Share>();

  /** Whether one more is within the share of `key`, which is then one less. */
  take(key: K, nowMs: number): boolean {
    let share = this.#shares.get(key);
    if (!share) {
      if (this.#shares.size >= MOST_KNOWN) this.#forget(nowMs);
      share = { left: BURST, atMs: nowMs };
      this.#shares.set(key, share);
    }
    refill(share, nowMs);
    if (share.left < 1) return false;
    share.left--;
    return true;
  }

  /** Those of which nothing is to be known; where that is nobody, all: what all write together is limited elsewhere. */
  #forget(nowMs: number): void {
    for (const [key, share] of this.#shares) {
      refill(share, nowMs);
      if (share.left >= BURST) this.#shares.delete(key);
    }
    if (this.#shares.size >= MOST_KNOWN) this.#shares.clear();
  }
}

function refill(share: Share, nowMs: number): void {
  // Nothing where the clock was set back.
  const passedMs = Math.max(0, nowMs - share.atMs);
  share.left = Math.min(BURST, share.left + (passedMs / 1000) * A_SECOND);
  share.atMs = nowMs;
}
