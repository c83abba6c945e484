import { type Errno, toErrno } from "../../core/base/errno.ts";
import type { Process } from "../../core/procfs/ports.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";

/** A text that took at least so long to make is kept, for so long after it was made: milliseconds. */
const WORTH_KEEPING_MS = 10;
const KEPT_MS = 1000;
/** Bytes of texts that are kept. */
const MOST_KEPT = 24 * 1024 * 1024;

/** How the text of one process is had. */
export interface TextSource {
  /**
   * Equal to an earlier stamp only where nothing that the process does can have changed the text since; undefined where that cannot be
   * told. What it fails with is what the reader gets.
   */
  stamp(): string | undefined;
  read(): Outcome<Uint8Array>;
}

/** Those who get the same text: it is read as who asked last. */
interface Turn {
  source: TextSource;
  readonly process: string;
  readonly readers: Set<Parked<Uint8Array>>;
  outcome: Outcome<Uint8Array> | undefined;
}

interface Kept {
  readonly stamp: string;
  readonly text: Uint8Array;
  /** On the clock of performance.now(). */
  readonly madeAt: number;
}

/**
 * Long texts of processes, shared by those who ask for them: one is given out again as long as nothing can have changed, and whoever
 * asks while one is on its way shares the next one with all others who do: the one under way may have passed by what they want to see.
 * Whether somebody may read it at all is found out by whoever asks, before and once the text is there.
 */
export class SharedTexts {
  readonly #turns = new Map<string, { readonly current: Turn; next: Turn | undefined }>();
  /** The one made last comes last. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  #sweep: NodeJS.Timeout | undefined;

  /** The text, which belongs to all readers. What its source fails with; only those of one `role` share a failure. */
  of({ pid, life }: Process, role: string, source: TextSource): Outcome<Uint8Array> {
    const process = `${pid} ${life}`;
    const key = `${process} ${role}`;
    const kept = this.#find(process, source);
    if (kept) return kept;
    const reader = new Parked<Uint8Array>(() => this.#leave(key, reader));
    const turns = this.#turns.get(key);
    if (turns) {
      turns.next ??= { process, source, readers: new Set(), outcome: undefined };
      // Who pays may have changed since the others asked.
      turns.next.source = source;
      turns.next.readers.add(reader);
    } else this.#begin(key, { process, source, readers: new Set([reader]), outcome: undefined });
    return reader;
  }

  #begin(key: string, turn: Turn): void {
    this.#turns.set(key, { current: turn, next: undefined });
    let stamp: string | undefined;
    const begin = performance.now();
    const settled = (text: Uint8Array): void => {
      if (stamp !== undefined && performance.now() - begin >= WORTH_KEEPING_MS) this.#keep(turn.process, stamp, text);
      this.#end(key, (reader) => reader.settle(text));
    };
    const failed = (error: Errno): void => this.#end(key, (reader) => reader.fail(error));
    try {
      stamp = turn.source.stamp();
      turn.outcome = turn.source.read();
    } catch (error) {
      failed(toErrno(error));
      return;
    }
    if (turn.outcome instanceof Parked) turn.outcome.listen({ settled, failed });
    else settled(turn.outcome);
  }

  #end(key: string, tell: (reader: Parked<Uint8Array>) => void): void {
    const { current, next } = this.#turns.get(key)!;
    this.#turns.delete(key);
    for (const reader of current.readers) tell(reader);
    if (next && next.readers.size > 0) this.#begin(key, next);
  }

  /** Nobody reads for those who have left. */
  #leave(key: string, reader: Parked<Uint8Array>): void {
    const turns = this.#turns.get(key);
    if (!turns) return;
    turns.next?.readers.delete(reader);
    const { readers, outcome } = turns.current;
    if (readers.delete(reader) && readers.size === 0 && outcome instanceof Parked) outcome.interrupt();
  }

  #find(process: string, source: TextSource): Uint8Array | undefined {
    const kept = this.#kept.get(process);
    if (!kept) return undefined;
    if (performance.now() - kept.madeAt < KEPT_MS && kept.stamp === source.stamp()) return kept.text;
    this.#drop(process);
    return undefined;
  }

  #keep(process: string, stamp: string, text: Uint8Array): void {
    this.#drop(process);
    if (text.length > MOST_KEPT) return;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes + text.length <= MOST_KEPT) break;
      this.#drop(oldest);
    }
    this.#kept.set(process, { stamp, text, madeAt: performance.now() });
    this.#bytes += text.length;
    this.#sweep ??= setInterval(() => this.#dropOld(), KEPT_MS).unref();
  }

  #drop(process: string): void {
    this.#bytes -= this.#kept.get(process)?.text.length ?? 0;
    this.#kept.delete(process);
  }

  #dropOld(): void {
    const now = performance.now();
    for (const [process, { madeAt }] of this.#kept) if (now - madeAt >= KEPT_MS) this.#drop(process);
    if (this.#kept.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
