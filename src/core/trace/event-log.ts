/** Events that are kept for readers who are behind. */
const KEPT = 256;

/** Bytes of theirs: one whose line is long takes the place of many. */
const KEPT_BYTES = 64 * 1024;

/** What happens to one process, as lines, for any number of readers, each at its own place. */
export class EventLog {
  /** The last ones, the oldest first; none while nobody listens. */
  readonly #lines: string[] = [];
  #bytes = 0;
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
    this.#keep(`${number} ${this.#now().toFixed(6)} ${line()}\n`);
    this.#tell();
  }

  /** One character is one byte. */
  #keep(line: string): void {
    this.#lines.push(line);
    this.#bytes += line.length;
    while (this.#lines.length > 1 && (this.#lines.length > KEPT || this.#bytes > KEPT_BYTES))
      this.#bytes -= this.#lines.shift()!.length;
  }

  end(): void {
    this.#ended = true;
    this.#tell();
  }

  /**
   * What a reader at `from` has not read, and where it is then: whole lines that fit into `room` bytes, but at least one;
   * `missed N` in place of what is no longer kept. Empty where it has read everything.
   */
  read(from: number, room: number): { readonly text: string; readonly next: number } {
    const first = this.#next - this.#lines.length;
    let text = from < first ? `missed ${first - from}\n` : "";
    let next = Math.max(from, first);
    for (; next < this.#next; next++) {
      const line = this.#lines[next - first]!;
      if (text !== "" && text.length + line.length > room) break;
      text += line;
    }
    return { text, next };
  }

  /** `news` is called whenever there is something to read; the result ends that. */
  listen(news: () => void): () => void {
    this.#listeners.add(news);
    return () => {
      this.#listeners.delete(news);
      if (this.isHeard) return;
      this.#lines.length = 0;
      this.#bytes = 0;
    };
  }

  #tell(): void {
    for (const news of [...this.#listeners]) news();
  }
}
