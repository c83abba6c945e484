import type { Arch } from "../../core/abi/arch/arch.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Borrower, Lent } from "../../core/trace/loan.ts";
import type { Stop } from "../../core/trace/stop.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import { perform, type Steps } from "../../core/vfs/steps.ts";
import { LiveThread } from "./live-thread.ts";
import { type RawStop, RemoteThread } from "./remote-thread.ts";
import type { WaitLoop } from "./wait-loop.ts";

/** What is done with a lent thread. */
export interface Job<T> {
  /** Whether it can be done, asked before anything is changed. */
  check(thread: LiveThread): void;
  /** `abandoned`: nobody waits for it any more, so it should stop where it still can. */
  run(remote: RemoteThread, thread: LiveThread, abandoned: () => boolean): Steps<T>;
  /** Told of the result, also when nobody waits for the outcome any more. */
  done(value: T): void;
}

interface Setting {
  readonly arch: Arch;
  readonly loop: WaitLoop;
  /** Somebody is shown the stops. */
  readonly watched: boolean;
  kill(signal: number): void;
  /** False when the thread is lent already. */
  withdraw(borrower: Borrower): boolean;
  /** The thread has been given back, or there will be none. */
  over(): void;
}

/** One who borrows a thread for a {@link Job}, from the wish to the return. */
export class Borrowing<T> implements Borrower {
  readonly outcome: Parked<void>;
  readonly #job: Job<T>;
  readonly #setting: Setting;
  #awaited: Parked<RawStop> | undefined;
  #lost: Errno | undefined;
  #abandoned = false;
  #begun = false;

  constructor(job: Job<T>, setting: Setting) {
    this.#job = job;
    this.#setting = setting;
    this.outcome = new Parked<void>(() => {
      this.#abandoned = true;
      if (setting.withdraw(this)) setting.over();
    });
  }

  begin(lent: Lent, back: (stop: Stop) => void): void {
    this.#begun = true;
    // Its end is told through `outcome`.
    perform(this.#work(lent, back));
  }

  stopped(signal: number, event: number): void {
    this.#awaited?.settle({ signal, event });
  }

  fail(error: Errno): void {
    this.#lost = error;
    this.#awaited?.fail(error);
    if (this.#begun) return;
    this.#setting.over();
    this.outcome.fail(error);
  }

  /** Ends well whatever happens: the thread goes back, and the outcome is told. */
  *#work(lent: Lent, back: (stop: Stop) => void): Steps<void> {
    const { arch, kill, over, watched } = this.#setting;
    const thread = new LiveThread(lent.tid, arch);
    const nextStop = (): Outcome<RawStop> => this.#nextStop(lent);
    const shown = lent.shown && watched;
    const remote = new RemoteThread({ arch, port: thread, nextStop, kill }, { ...lent, shown });
    let { stop } = lent;
    let result: { value: T } | Errno | undefined;
    try {
      this.#job.check(thread);
      yield* remote.prepare();
      try {
        result = { value: yield* this.#job.run(remote, thread, () => this.#abandoned) };
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        result = error;
      }
      stop = yield* remote.restore();
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      // What was done stays done, though the thread was killed since.
      result ??= this.#lost ?? error;
    }
    if (!this.#lost) back(stop);
    over();
    if (result instanceof Errno) this.outcome.fail(result);
    else {
      this.#job.done(result.value);
      this.outcome.settle();
    }
  }

  #nextStop({ tid }: Lent): Outcome<RawStop> {
    if (this.#lost) throw this.#lost;
    const awaited = new Parked<RawStop>();
    this.#awaited = awaited;
    this.#setting.loop.spin(tid, () => awaited.ended);
    return awaited;
  }
}
