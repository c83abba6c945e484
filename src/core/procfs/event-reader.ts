import { Errno } from "../base/errno.ts";
import { latin1 } from "../base/text.ts";
import type { Caller } from "../vfs/caller.ts";
import type { Handle, OpenMode, PollState } from "../vfs/node.ts";
import { chainOutcome, type Outcome, Parked } from "../vfs/parked.ts";
import type { Events } from "./ports.ts";

/** Asked at each read; it fails where that caller may not. */
export type MayRead = (caller: Caller) => Outcome<unknown>;

const NOTHING = new Uint8Array(0);

/** One reader of a log: it has its own place there, and waits where there is nothing to read. */
export class EventReader {
  readonly #mode: OpenMode;
  readonly #mayRead: MayRead;
  readonly #events: Events;
  readonly #waiting = new Map<Parked<number>, Uint8Array>();
  #next: number;
  /** Bytes of one line that did not fit into a read. */
  #rest: Uint8Array;
  #wake: (() => void) | undefined;

  /** `open` opens the log; its argument is called when there is something to read. */
  constructor(mode: OpenMode, open: (news: () => void) => Events, mayRead: MayRead = () => undefined) {
    this.#mode = mode;
    this.#mayRead = mayRead;
    this.#events = open(() => this.#news());
    this.#next = this.#events.log.next;
    this.#rest = mode.resumed ? latin1("missed ?\n") : NOTHING;
  }

  /** The open file. */
  get handle(): Handle {
    return {
      read: (caller, _offset, into, nonBlocking) => this.#read(caller, into, nonBlocking),
      poll: (_caller, wake) => this.#poll(wake),
      close: () => this.#close(),
    };
  }

  #read(caller: Caller, into: Uint8Array, nonBlocking: boolean | undefined = this.#mode.nonBlocking): Outcome<number> {
    return chainOutcome(this.#mayRead(caller), () => {
      if (into.length === 0 || this.#isReady) return this.#take(into);
      if (nonBlocking) throw new Errno("EAGAIN", "nothing has happened since");
      return this.#wait(into);
    });
  }

  #poll(wake: (() => void) | undefined): PollState {
    if (wake) this.#wake = wake;
    return { readable: this.#isReady, hungUp: this.#events.log.ended };
  }

  #close(): void {
    for (const parked of [...this.#waiting.keys()]) parked.interrupt();
    this.#events.close();
  }

  get #isReady(): boolean {
    const { log } = this.#events;
    return this.#rest.length > 0 || this.#next < log.next || log.ended;
  }

  #wait(into: Uint8Array): Parked<number> {
    const parked = new Parked<number>(() => this.#waiting.delete(parked));
    this.#waiting.set(parked, into);
    return parked;
  }

  #news(): void {
    for (const [parked, into] of this.#waiting) {
      if (!this.#isReady) break;
      this.#waiting.delete(parked);
      parked.settle(this.#take(into));
    }
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #take(into: Uint8Array): number {
    const { log } = this.#events;
    let filled = 0;
    while (filled < into.length && (this.#rest.length > 0 || this.#next < log.next)) {
      if (this.#rest.length === 0) {
        const { text, next } = log.read(this.#next, into.length - filled);
        this.#rest = latin1(text);
        this.#next = next;
      }
      const part = this.#rest.subarray(0, into.length - filled);
      into.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return filled;
  }
}
