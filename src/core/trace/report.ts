import { invariant } from "../base/assert.ts";
import type { Tid } from "../base/brand.ts";
import { isReportable } from "./stop.ts";
import type { Thread, ThreadSet } from "./thread-set.ts";
import { type Why, whyOf } from "./why.ts";

/** What the controller is shown of a stop: why, of which thread, and which one its words are about. */
export class Report {
  /** Registers and single steps are this thread's. */
  current: Tid;
  /** The thread that the stop is about. */
  thread: Tid;
  /** Until a thread has something to say: why they are being stopped. */
  why: Why = { kind: "attach" };
  /** Nobody was told yet. */
  isNew = true;
  readonly #threads: ThreadSet;

  constructor(threads: ThreadSet, first: Tid) {
    this.#threads = threads;
    this.current = this.thread = first;
  }

  /** From now on the stop is that of `thread`. */
  of(thread: Thread): void {
    this.current = this.thread = thread.tid;
    // A call that a step has begun is undone by what overtakes it: nothing was executed then.
    if (thread.stop && !thread.overtaken) this.why = whyOf(thread.stop) ?? this.why;
    thread.reported = true;
  }

  /** The process is about to stop for another reason. */
  next(why: Why): void {
    this.why = why;
    this.isNew = true;
  }

  /** A thread with a signal that the controller was not shown. */
  get pending(): Thread | undefined {
    return this.#threads.all().find((thread) => thread.stop?.kind === "signal" && !thread.reported);
  }

  /** All threads have stopped: the stop is that of the one which had something to say. */
  settle(): void {
    const current = this.#threads.get(this.current);
    if (!current.reported) this.of(current.stop && isReportable(current.stop) ? current : (this.pending ?? current));
  }

  /** Another thread takes the place of the current one, which has gone. */
  replace(): void {
    const [first] = this.#threads.all();
    invariant(first, "trace/report: no thread");
    this.current = this.thread = first.tid;
  }
}
