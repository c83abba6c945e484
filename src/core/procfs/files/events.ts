import { Errno, isErrno } from "../../base/errno.ts";
import { latin1 } from "../../base/text.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Handle, PollState } from "../../vfs/node.ts";
import { chainOutcome, type Outcome, Parked } from "../../vfs/parked.ts";
import { perform, type Steps, step } from "../../vfs/steps.ts";
import { mayDebug, type OpenContext, type ProcFile } from "../file.ts";
import type { Events } from "../ports.ts";
import { differ } from "../rights.ts";

const NOTHING = new Uint8Array(0);

/** One reader: it has its own place in the log, and waits where there is nothing to read. */
class EventReader {
  readonly #context: OpenContext;
  readonly #events: Events;
  readonly #waiting = new Map<Parked<number>, Uint8Array>();
  #next: number;
  /** Bytes of one line that did not fit into a read. */
  #rest: Uint8Array;
  #wake: (() => void) | undefined;

  constructor(context: OpenContext) {
    this.#context = context;
    this.#events = context.ports.tracer.events(context.process, () => this.#news());
    this.#next = this.#events.log.next;
    this.#rest = context.mode.resumed ? latin1("missed ?\n") : NOTHING;
  }

  read(
    caller: Caller,
    into: Uint8Array,
    nonBlocking: boolean | undefined = this.#context.mode.nonBlocking,
  ): Outcome<number> {
    return chainOutcome(perform(this.#mayRead(caller)), () => {
      if (into.length === 0 || this.#isReady) return this.#take(into);
      if (nonBlocking) throw new Errno("EAGAIN", "nothing has happened since");
      return this.#wait(into);
    });
  }

  /** Of a process that is gone nobody can be asked: what it has left is for who opened the file. */
  *#mayRead(caller: Caller): Steps<void> {
    const { opener, ports } = this.#context;
    try {
      yield* step(mayDebug(this.#context, caller));
    } catch (error) {
      if (!isErrno(error, "ESRCH") || differ(opener, ports.access.recorded(caller, false))) throw error;
    }
  }

  poll(wake: (() => void) | undefined): PollState {
    if (wake) this.#wake = wake;
    return { readable: this.#isReady, hungUp: this.#events.log.ended };
  }

  close(): void {
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

function openEvents(context: OpenContext): Handle {
  const reader = new EventReader(context);
  return {
    read: (caller, _offset, into, nonBlocking) => reader.read(caller, into, nonBlocking),
    poll: (_caller, wake) => reader.poll(wake),
    close: () => reader.close(),
  };
}

export const events: ProcFile = {
  name: "events",
  kind: "file",
  slot: 24,
  mode: 0o400,
  doc: "what happens to the process from now on, a line each: number, time, and as in `stop`; reading waits",
  open: (context) => chainOutcome(mayDebug(context, context.opener), () => openEvents(context)),
};
