import { Errno } from "../../../core/base/errno.ts";
import { PerUid, QUOTAS } from "../../../core/procfs/quotas.ts";
import type { Caller } from "../../../core/vfs/caller.ts";
import { mapOutcome, type Outcome, Parked } from "../../../core/vfs/parked.ts";
import { libcClose } from "../ffi/libc.ts";
import { JOBS, type JobArguments, type JobName, type JobResult, LOCK_OF } from "./jobs.ts";
import type { Answer } from "./lane.ts";
import { Threads } from "./threads.ts";

/** How long who asks for something small waits for a process, milliseconds. */
const PATIENCE_MS = 2000;

/** How long one waits where it is not the process that is waited for: this machine is busy. */
const CROWDED_MS = 20_000;

/** The process that a job names. */
export interface JobTarget {
  readonly pid: number;
  /** Its owner is the daemon's own user, who can stop the daemon anyway. ESRCH. */
  isOwn(): boolean;
  /** Effective uid. */
  owner(): { readonly uid: number };
  alive(): boolean;
}

export interface JobOptions {
  /** Milliseconds until ETIMEDOUT. */
  readonly patience?: number;
  /** On a thread also for the daemon's own processes: it waits for others than the process. */
  readonly own?: "elsewhere";
  /** Called when nothing is done any more, also after a request was given up: what the job worked on may go. */
  over?(): void;
}

/** A job on its way. `parked` may have ended long before the job does. */
export interface Errand {
  readonly name: JobName;
  readonly args: unknown;
  /** What it may wait for: errands with the same key wait for each other. */
  readonly key: string;
  /** The owner of the process. */
  readonly owner: number;
  readonly parked: Parked<unknown>;
  ended(answer: Answer | undefined): void;
}

/**
 * Where everything is done that may have to wait for a process. Of the daemon's own processes it is done at once; of others
 * on threads, one at a time for each process, so that a process which never answers costs one thread. A thread that waits in the
 * kernel cannot be called back: it is lost until the process goes. That is what {@link QUOTAS} limit.
 */
export class Elsewhere {
  readonly #onBug: (error: unknown) => void;
  readonly #threads: Threads;
  readonly #waiting = new PerUid(QUOTAS.waitingRequests);

  constructor(onBug: (error: unknown) => void) {
    this.#onBug = onBug;
    this.#threads = new Threads(onBug);
  }

  /**
   * What the job returns or throws; ESRCH when the process has exited meanwhile. ETIMEDOUT when it keeps us waiting for longer than
   * the request's patience, or is known to keep a thread waiting; EAGAIN where a quota says so. `caller` is who pays for the wait.
   */
  do<Name extends JobName>(
    target: JobTarget,
    caller: Caller,
    name: Name,
    args: JobArguments<Name>,
    options: JobOptions = {},
  ): Outcome<JobResult<Name>> {
    let done: Outcome<JobResult<Name>>;
    if (target.isOwn() && options.own === undefined) {
      try {
        done = (JOBS[name] as (args: unknown) => JobResult<Name>)(args);
      } finally {
        options.over?.();
      }
    } else done = this.#send(target, caller, name, args, options) as Parked<JobResult<Name>>;
    return mapOutcome(done, (value) => {
      if (target.alive()) return value;
      discard(name, value);
      throw new Errno("ESRCH", `process ${target.pid} has exited`);
    });
  }

  close(): void {
    this.#threads.close();
  }

  #send(target: JobTarget, caller: Caller, name: JobName, args: unknown, options: JobOptions): Parked<unknown> {
    const { pid } = target;
    const owner = target.owner().uid;
    const key = `${pid} ${LOCK_OF[name]}`;
    let release: () => void;
    try {
      this.#threads.refuse(key, pid, owner);
      release = this.#waiting.take(caller);
    } catch (error) {
      options.over?.();
      throw error;
    }
    const patience = options.patience ?? PATIENCE_MS;
    const end = (): void => {
      if (this.#threads.isOurs(errand) && performance.now() - begin < CROWDED_MS) {
        timer = setTimeout(end, patience);
        return;
      }
      this.#threads.expired(errand);
      release();
      parked.fail(new Errno("ETIMEDOUT", `process ${pid} has kept this request waiting for ${patience / 1000} s`));
    };
    const begin = performance.now();
    let timer = setTimeout(end, patience);
    const parked = new Parked<unknown>(() => {
      clearTimeout(timer);
      release();
      this.#threads.withdraw(errand);
    });
    const errand: Errand = {
      ...{ name, args, key, owner, parked },
      ended: (answer) => {
        clearTimeout(timer);
        release();
        options.over?.();
        if (answer) this.#tell(errand, answer);
      },
    };
    this.#threads.take(errand);
    return parked;
  }

  #tell({ name, key, parked }: Errand, answer: Answer): void {
    if ("value" in answer) {
      if (parked.ended) discard(name, answer.value);
      else parked.settle(answer.value);
    } else if ("code" in answer) parked.fail(new Errno(answer.code, answer.reason));
    else {
      this.#onBug(new Error(`${name} of process ${key}`, { cause: answer.bug }));
      parked.fail(new Errno("EIO", `${name} of a process has failed; the server's log says why`));
    }
  }
}

/** Of what nobody waits for any more. */
function discard(name: JobName, value: unknown): void {
  if (name === "openMemory" || name === "openExecutable") libcClose(value as number);
}
