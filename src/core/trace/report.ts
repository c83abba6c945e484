import { invariant } from "../base/assert.ts";
import type { Tid } from "../base/brand.ts";
import type { BreakTable } from "./break-table.ts";
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
  readonly #table: BreakTable;

  constructor(threads: ThreadSet, table: BreakTable, first: Tid) {
    this.#threads = threads;
    this.#table = table;
    this.current = this.thread = first;
  }

  /** From now on the stop is that of `thread`. */
  of(thread: Thread): void {
    this.current = this.thread = thread.tid;
    if (this.#table.isNews(thread.hit)) this.why = this.#table.tell(thread.hit);
    // A call that a step has begun is undone by what overtakes it: nothing was executed then.
    else if (thread.stop && !thread.overtaken && !this.#threads.isIgnored(thread))
      this.why = whyOf(thread.stop) ?? this.why;
    thread.reported = !this.#threads.isIgnored(thread);
  }

  /** The process is about to stop for another reason. */
  next(why: Why): void {
    this.why = why;
    this.isNew = true;
  }

  /** A thread with a signal or at a breakpoint that the controller was not shown. */
  get pending(): Thread | undefined {
    return this.#threads.all().find((thread) => this.isPending(thread));
  }

  isPending(thread: Thread): boolean {
    const { stop, reported, hit } = thread;
    const isTold = stop?.kind === "signal" || stop?.kind === "syscall";
    return (isTold && !reported && !this.#threads.isIgnored(thread)) || this.#table.isNews(hit);
  }

  /** A stopped thread has something to say. */
  hasNews(thread: Thread): boolean {
    const { stop, hit } = thread;
    return (stop && isReportable(stop) && !this.#threads.isIgnored(thread)) || this.#table.isNews(hit);
  }

  /** What a stopped thread would have to say. */
  whyOf({ stop, hit }: Thread): Why | undefined {
    return this.#table.isNews(hit) ? this.#table.whyOf(hit) : stop && whyOf(stop);
  }

  /** All threads have stopped: the stop is that of the one which had something to say. */
  settle(): void {
    const current = this.#threads.get(this.current);
    // A stop that was told already: a thread was moved only, and what others have to say is told after the next run.
    if (!this.isNew) current.reported ||= !this.hasNews(current);
    else if (!current.reported) this.of(this.hasNews(current) ? current : (this.pending ?? current));
  }

  /** Another thread takes the place of the current one, which has gone. */
  replace(): void {
    const [first] = this.#threads.all();
    invariant(first, "trace/report: no thread");
    this.current = this.thread = first.tid;
  }
}
