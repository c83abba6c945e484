import { Bug, Errno, toErrno } from "../base/errno.ts";

/** The result of a parked operation. Exactly one of the two is called, once. */
export interface Listener<T> {
  settled(value: T): void;
  failed(error: Errno): void;
}

/**
 * An operation that must wait. The side that serves it calls {@link settle} or {@link fail}; the transport calls
 * {@link listen} once and may call {@link interrupt} (FUSE_INTERRUPT, Tflush, a client gone), which ends it with EINTR.
 * Only the first end counts.
 */
export class Parked<T> {
  #listener: Listener<T> | undefined;
  #end: { value: T } | Errno | undefined;
  readonly #cancel: () => void;

  /** `cancel` releases what the operation holds; it runs only when the operation is interrupted. */
  constructor(cancel: () => void = () => {}) {
    this.#cancel = cancel;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  listen(listener: Listener<T>): void {
    this.#listener = listener;
    this.#tell();
  }

  settle(value: T): void {
    this.#finish({ value });
  }

  fail(error: Errno): void {
    this.#finish(error);
  }

  interrupt(): void {
    if (this.#end) return;
    this.#cancel();
    this.#finish(new Errno("EINTR", "interrupted while waiting"));
  }

  #finish(end: { value: T } | Errno): void {
    if (this.#end) return;
    this.#end = end;
    this.#tell();
  }

  #tell(): void {
    const end = this.#end;
    const listener = this.#listener;
    if (!end || !listener) return;
    this.#listener = undefined;
    if (end instanceof Errno) listener.failed(end);
    else listener.settled(end.value);
  }
}

/** The value at once, or later; an operation that fails at once throws {@link Errno}. */
export type Outcome<T> = T | Parked<T>;

/** The outcome as a promise, which is rejected with what a {@link Bug} is about. */
export function toPromise<T>(outcome: Outcome<T>): Promise<T> {
  if (!(outcome instanceof Parked)) return Promise.resolve(outcome);
  return new Promise((resolve, reject) => {
    outcome.listen({ settled: resolve, failed: (error) => reject(error instanceof Bug ? error.cause : error) });
  });
}

/**
 * What `then` makes of the value, which may have to wait as well; interrupting the result interrupts what is waited for in
 * that moment. Where nothing has to wait nothing is allocated.
 */
export function chainOutcome<A, B>(outcome: Outcome<A>, then: (value: A) => Outcome<B>): Outcome<B> {
  if (!(outcome instanceof Parked)) return then(outcome);
  let waiting: Parked<unknown> = outcome;
  const chained = new Parked<B>(() => waiting.interrupt());
  const settle = (value: B): void => chained.settle(value);
  const fail = (error: Errno): void => chained.fail(error);
  outcome.listen({
    settled: (value) => {
      try {
        const next = then(value);
        if (!(next instanceof Parked)) return settle(next);
        waiting = next;
        next.listen({ settled: settle, failed: fail });
      } catch (error) {
        fail(toErrno(error));
      }
    },
    failed: fail,
  });
  return chained;
}

/** `outcome`, if it comes within so many milliseconds; else that is interrupted, and fails with `late`. */
export function within<T>(
  outcome: Outcome<T>,
  clock: { after(ms: number, act: () => void): () => void },
  limitMs: number,
  late: () => Errno,
): Outcome<T> {
  if (!(outcome instanceof Parked)) return outcome;
  const whole = new Parked<T>(() => {
    cancel();
    outcome.interrupt();
  });
  const cancel = clock.after(limitMs, () => {
    whole.fail(late());
    outcome.interrupt();
  });
  outcome.listen({
    settled: (value) => {
      cancel();
      whole.settle(value);
    },
    failed: (error) => {
      cancel();
      whole.fail(error);
    },
  });
  return whole;
}

/** `then` applied to the value, now or when it comes; interrupting the result interrupts `outcome`. */
export function mapOutcome<A, B>(outcome: Outcome<A>, then: (value: A) => B): Outcome<B> {
  if (!(outcome instanceof Parked)) return then(outcome);
  const mapped = new Parked<B>(() => outcome.interrupt());
  outcome.listen({
    settled: (value) => {
      try {
        mapped.settle(then(value));
      } catch (error) {
        mapped.fail(toErrno(error));
      }
    },
    failed: (error) => mapped.fail(error),
  });
  return mapped;
}
