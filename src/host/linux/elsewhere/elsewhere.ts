import { Errno } from "../../../core/base/errno.ts";
import type { QUOTAS } from "../../../core/procfs/quotas.ts";
import type { Caller } from "../../../core/vfs/caller.ts";
import { mapOutcome, type Outcome, Parked } from "../../../core/vfs/parked.ts";
import type { Turns } from "../../../core/vfs/turns.ts";
import { type Jobs, PROCESS_JOBS } from "./jobs.ts";
import type { JobArguments, JobKit, JobName, JobResult } from "./kit.ts";
import type { Answer } from "./lane.ts";
import { Threads } from "./threads.ts";

/** The deadline for a request that takes no time unless the process blocks it: milliseconds. */
const PATIENCE_MS = 2000;

/** The deadline where it is not the process that is waited for but this machine, which is busy. */
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
  /** `elsewhere`: also processes of the daemon's own user are served on a thread, since the job may wait for something else. */
  readonly own?: "elsewhere";
  /** Called once, when the job has ended or cannot begin, which may be long after its request was given up: what the job works on may be closed then. */
  over?(): void;
}

/** A job under way. `parked`, its request, may have ended long before the job does. */
export interface Errand {
  readonly name: string;
  readonly args: unknown;
  /** The process and the lock that it may wait for: of errands with the same key one is done at a time. */
  readonly key: string;
  /** The owner of the process. */
  readonly owner: number;
  /** The uid that asks. */
  readonly asker: number;
  readonly parked: Parked<unknown>;
  ended(answer: Answer | undefined): void;
}

/**
 * Does everything that may block on a process. For processes of the daemon's own user it is done at once; for others on threads, one job at
 * a time for each process, so that a process which never answers costs one thread. A thread that waits in the kernel cannot be interrupted:
 * it is lost until the process ends. {@link QUOTAS} limit how many.
 */
export class Elsewhere<Table extends object = Jobs> {
  readonly #kit: JobKit<Table>;
  readonly #onBug: (error: unknown) => void;
  readonly #turns: Turns | undefined;
  readonly #threads: Threads;

  /** As {@link processJobs}, for other jobs. */
  constructor(kit: JobKit<Table>, onBug: (error: unknown) => void, turns?: Turns) {
    this.#kit = kit;
    this.#turns = turns;
    this.#onBug = onBug;
    this.#threads = new Threads(kit, onBug);
  }

  /** `onBug` gets an error of a job that is not an Errno. The answer of a job is handled in the turn of the uid that asked. */
  static processJobs(onBug: (error: unknown) => void, turns?: Turns): Elsewhere {
    return new Elsewhere(PROCESS_JOBS, onBug, turns);
  }

  /**
   * Does a job. The outcome is what the job returns or throws; ESRCH: the process has exited meanwhile. ETIMEDOUT: it has blocked longer
   * than the request's `patience`, or is known to block a thread already. EAGAIN: a quota is reached, or no thread was free for as long.
   */
  do<Name extends JobName<Table>>(
    target: JobTarget,
    caller: Caller,
    name: Name,
    args: JobArguments<Table, Name>,
    options: JobOptions = {},
  ): Outcome<JobResult<Table, Name>> {
    type Result = JobResult<Table, Name>;
    let isHere: boolean;
    try {
      isHere = options.own === undefined && target.isOwn();
    } catch (error) {
      options.over?.();
      throw error;
    }
    let done: Outcome<Result>;
    if (isHere) {
      try {
        done = (this.#kit.jobs[name] as (args: unknown) => Result)(args);
      } finally {
        options.over?.();
      }
    } else done = this.#send(target, caller, name, args, options) as Parked<Result>;
    return mapOutcome(done, (value) => {
      if (target.alive()) return value;
      this.#kit.discard?.(name, value);
      throw new Errno("ESRCH", `process ${target.pid} has exited`);
    });
  }

  close(): void {
    this.#threads.close();
  }

  #send(target: JobTarget, caller: Caller, name: JobName<Table>, args: unknown, options: JobOptions): Parked<unknown> {
    const { pid } = target;
    const key = `${pid} ${this.#kit.lockOf[name]}`;
    let owner: number;
    try {
      owner = target.owner().uid;
      this.#threads.refuse(key, pid, owner);
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
      parked.fail(
        this.#threads.expired(errand) ??
          new Errno("ETIMEDOUT", `process ${pid} has kept this request waiting for ${patience / 1000} s`),
      );
    };
    const begin = performance.now();
    let timer = setTimeout(end, patience);
    const parked = new Parked<unknown>(() => {
      clearTimeout(timer);
      this.#threads.withdraw(errand);
    });
    const errand: Errand = {
      ...{ name, args, key, owner, asker: caller.uid, parked },
      ended: (answer) => {
        clearTimeout(timer);
        options.over?.();
        if (answer) this.#tellInTurn(errand, answer);
      },
    };
    this.#threads.take(errand);
    return parked;
  }

  #tellInTurn(errand: Errand, answer: Answer): void {
    const turns = this.#turns;
    if (!turns) {
      this.#tell(errand, answer);
      return;
    }
    const tell = (): void => turns.spend(errand.asker, () => this.#tell(errand, answer));
    if (turns.admits(errand.asker)) tell();
    else turns.wait(errand.asker, 0, tell);
  }

  #tell({ name, key, parked }: Errand, answer: Answer): void {
    if ("value" in answer) {
      if (parked.ended) this.#kit.discard?.(name as JobName<Table>, answer.value);
      else parked.settle(answer.value);
    } else if ("code" in answer) parked.fail(new Errno(answer.code, answer.reason));
    else {
      this.#onBug(new Error(`${name} of process ${key}`, { cause: answer.bug }));
      parked.fail(new Errno("EIO", `${name} of a process has failed; the server's log says why`));
    }
  }
}
