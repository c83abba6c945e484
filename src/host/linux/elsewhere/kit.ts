import type { Lock } from "../waits.ts";

/** The names of a table of jobs: functions of one argument. */
export type JobName<Jobs> = keyof Jobs & string;
export type JobArguments<Jobs, Name extends JobName<Jobs>> = Jobs[Name] extends (job: infer Job) => unknown
  ? Job
  : never;
export type JobResult<Jobs, Name extends JobName<Jobs>> = Jobs[Name] extends (job: never) => infer Result
  ? Result
  : never;

/** A table of jobs that the same threads do. */
export interface JobKit<Jobs> {
  readonly jobs: Jobs;
  /** The lock that a job may wait for. A process that holds one lock may still answer jobs that need another. */
  readonly lockOf: Readonly<Record<JobName<Jobs>, Lock>>;
  /** What the threads run: it calls `serveJobs` with the same table. */
  readonly program: URL;
  /** How many jobs are done at a time, by threads that are not held up. */
  readonly atOnce: number;
  /** Releases a result whose request has ended: closes a descriptor. */
  discard?(name: JobName<Jobs>, value: unknown): void;
}

/** The first message of a thread: it is ready. */
export const READY = "ready";
