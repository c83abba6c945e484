import { type Errno, toErrno } from "../../core/base/errno.ts";
import type { Process } from "../../core/procfs/ports.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";

/** A text that took at least WORTH_KEEPING_MS to make is kept for KEPT_MS: milliseconds. */
const WORTH_KEEPING_MS = 10;
const KEPT_MS = 1000;
/** How many bytes of texts are kept at most. */
const MOST_KEPT = 24 * 1024 * 1024;

/** How the text of one process is read. */
export interface TextSource {
  /**
   * A text that equals an earlier stamp only if nothing that the process does can have changed its text since. Undefined: cannot be told.
   * An Errno that it throws is what the readers get.
   */
  stamp(): string | undefined;
  read(): Outcome<Uint8Array>;
}

/** The readers that get the same text. It is read by the source of the one that asked last. */
interface Turn {
  source: TextSource;
  readonly process: string;
  readonly readers: Set<Parked<Uint8Array>>;
  outcome: Outcome<Uint8Array> | undefined;
}

/** A text that is kept. */
interface Kept {
  readonly stamp: string;
  readonly text: Uint8Array;
  /** Milliseconds of performance.now(). */
  readonly madeAt: number;
}

/**
 * Long texts of processes, shared by their readers. A text is given out again while nothing can have changed. Readers that come while one
 * is being made share the next one, since the present one may have passed what they want to see. The caller checks the reader's permission,
 * before it asks and again when the text is there.
 */
export class SharedTexts {
  readonly #turns = new Map<string, { readonly current: Turn; next: Turn | undefined }>();
  /** By process; the newest comes last. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  #sweep: NodeJS.Timeout | undefined;

  /** The text, which must not be changed: all readers have the same bytes. Fails as the source does, for readers of one `role` only. */
  of({ pid, life }: Process, role: string, source: TextSource): Outcome<Uint8Array> {
    const process = `${pid} ${life}`;
    const key = `${process} ${role}`;
    const kept = this.#find(process, source);
    if (kept) return kept;
    const reader = new Parked<Uint8Array>(() => this.#leave(key, reader));
    const turns = this.#turns.get(key);
    if (turns) {
      turns.next ??= { process, source, readers: new Set(), outcome: undefined };
      // The newest source knows the present payers.
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

  /** A reader was interrupted. A text that no reader waits for any more is interrupted, too. */
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
