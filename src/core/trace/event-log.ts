/** Events that are kept for readers who are behind. */
const KEPT = 256;

/** What happens to one process, as lines, for any number of readers, each at its own place. */
export class EventLog {
  /** The last ones, the oldest first; none while nobody listens. */
  readonly #lines: string[] = [];
  readonly #listeners = new Set<() => void>();
  #next = 1;
  #ended = false;
  readonly #now: () => number;

  /** `now` tells the time, seconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The number of the next event: where a reader begins that wants to know what comes. */
  get next(): number {
    return this.#next;
  }

  /** Nothing comes any more. */
  get ended(): boolean {
    return this.#ended;
  }

  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  /** `line` is asked only where somebody listens. */
  add(line: () => string): void {
    if (this.#ended) return;
    const number = this.#next++;
    if (!this.isHeard) return;
    this.#lines.push(`${number} ${this.#now().toFixed(6)} ${line()}\n`);
    if (this.#lines.length > KEPT) this.#lines.shift();
    this.#tell();
  }

  end(): void {
    this.#ended = true;
    this.#tell();
  }

  /** What a reader at `from` has not read, `missed N` in place of what is no longer kept; it is at `next` then. */
  read(from: number): string {
    const first = this.#next - this.#lines.length;
    const missed = from < first ? `missed ${first - from}\n` : "";
    return missed + this.#lines.slice(Math.max(0, from - first)).join("");
  }

  /** `news` is called whenever there is something to read; the result ends that. */
  listen(news: () => void): () => void {
    this.#listeners.add(news);
    return () => {
      this.#listeners.delete(news);
      if (!this.isHeard) this.#lines.length = 0;
    };
  }

  #tell(): void {
    for (const news of [...this.#listeners]) news();
  }
}
