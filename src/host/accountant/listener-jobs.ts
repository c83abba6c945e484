import { Errno } from "../../core/base/errno.ts";
import { JOB_RECORD, jobRecord, type Recorder } from "../../core/grants/records.ts";
import type { Accounts } from "../../core/notify/accounts.ts";
import { Job, type JobOf } from "../../core/space/job.ts";
import { type LimitCell, limitCell } from "../../core/space/limit.ts";
import { LISTENER_RECORD } from "./requests.ts";

/** What a new job is made of. */
interface NewJob extends JobOf {
  readonly limit: LimitCell;
  /** Pages. */
  readonly budget: number;
  readonly around?: Job;
}

/** The job of each listener, and which jobs may still have processes. It owns the journal records of jobs and listeners. */
export class ListenerJobs {
  readonly #accounts: Accounts;
  readonly #recorder: Recorder;
  /** By the number of the listener. */
  readonly #jobs = new Map<number, Job>();
  #next = 1;

  constructor(accounts: Accounts, recorder: Recorder) {
    this.#accounts = accounts;
    this.#recorder = recorder;
  }

  /** Jobs with these numbers were restored from the journal. */
  recovered(numbers: Iterable<number>): void {
    this.#next = Math.max(0, ...numbers) + 1;
  }

  make({ limit, budget, around, ...of }: NewJob): Job {
    const job = new Job(this.#next++, limit, budget, around, of);
    this.#accounts.jobs.add(job);
    this.#recorder.put(JOB_RECORD + job.id, jobRecord(job));
    return job;
  }

  /** Sets the budget of a job, pages. ENOENT. */
  setBudget(id: number, pages: number): void {
    const job = [...this.#accounts.jobs].find((each) => each.id === id && each !== this.#accounts.rootJob);
    if (!job) throw new Errno("ENOENT", `there is no job ${id}`);
    job.most = pages;
    this.#recorder.put(JOB_RECORD + job.id, jobRecord(job));
  }

  /** The job of a container: that which is there, or a new one with this budget, pages, that process `root` begins. */
  ofContainer(container: string, budget: number, root: number): Job {
    const found = [...this.#jobs.values()].find((job) => job.container === container);
    return found ?? this.make({ limit: limitCell(), budget, container, root });
  }

  /** The processes under listener `number` are in `job`. Writes the record. */
  assign(number: number, job: Job): void {
    this.#jobs.set(number, job);
    this.#recorder.put(LISTENER_RECORD + number, job.id);
  }

  /** As {@link assign}, for a listener whose record exists. */
  restore(number: number, job: Job): void {
    this.#jobs.set(number, job);
  }

  /** No process is left under listener `number`: ends its job, and the jobs inside and around it, except those of other listeners. */
  ended(number: number): void {
    const tree = this.#jobs.get(number);
    this.#jobs.delete(number);
    this.#recorder.drop(LISTENER_RECORD + number);
    if (!tree) return;
    const left = [...this.#jobs.values()];
    for (const job of this.#accounts.jobs) {
      if (job === this.#accounts.rootJob || !(job.isWithin(tree) || tree.isWithin(job))) continue;
      // Whoever came into a job may be in one inside by now.
      if (left.some((other) => other.isWithin(job) || job.isWithin(other))) continue;
      this.#accounts.jobs.delete(job);
      this.#recorder.drop(JOB_RECORD + job.id);
    }
  }
}
