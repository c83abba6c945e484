import { Errno, toErrno } from "../base/errno.ts";
import { type Outcome, Parked } from "./parked.ts";

/** An operation in steps, each of which may have to wait, written as a generator as if none had to. */
export type Steps<T> = Generator<Outcome<unknown>, T, unknown>;

/** One step, waited for: `const value = yield* step(outcome)`. It throws what the outcome fails with. */
export function* step<T>(outcome: Outcome<T>): Steps<T> {
  return (yield outcome) as T;
}

/**
 * Runs the steps as far as they go at once, and the rest when the outcomes that they wait for settle. An interrupt of the result interrupts
 * the outcome that is waited for: the steps see EINTR there, and may still clean up.
 */
export function perform<T>(steps: Steps<T>): Outcome<T> {
  let waiting: Parked<unknown> | undefined;
  let atOnce: { value: T } | Errno | undefined;
  const whole = new Parked<T>(() => waiting?.interrupt());
  const go = (resume: () => IteratorResult<Outcome<unknown>, T>): void => {
    try {
      let taken = resume();
      while (!taken.done) {
        if (taken.value instanceof Parked) {
          waiting = taken.value;
          waiting.listen({
            settled: (value) => go(() => steps.next(value)),
            failed: (error) => go(() => steps.throw(error)),
          });
          return;
        }
        taken = steps.next(taken.value);
      }
      atOnce = { value: taken.value };
      whole.settle(taken.value);
    } catch (error) {
      atOnce = toErrno(error);
      whole.fail(atOnce);
    }
  };
  go(() => steps.next());
  if (atOnce instanceof Errno) throw atOnce;
  return atOnce ? atOnce.value : whole;
}
