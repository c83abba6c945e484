import type { Lock } from "../waits.ts";

/** The names of a table of jobs: functions of one argument. */
export type JobName<Jobs> = keyof Jobs & string;
export type JobArguments<Jobs, Name extends JobName<Jobs>> = Jobs[Name] extends (job: infer Job) => unknown
  ? Job
  : never;
export type JobResult<Jobs, Name extends JobName<Jobs>> = Jobs[Name] extends (job: never) => infer Result
  ? Result
  : never;

/** Jobs that are done by the same threads. */
export interface JobKit<Jobs> {
  readonly jobs: Jobs;
  /** For what a job waits, if it does: a process that keeps one of these back answers where another one is asked for. */
  readonly lockOf: Readonly<Record<JobName<Jobs>, Lock>>;
  /** What the threads run: it calls `serveJobs` with the same table. */
  readonly program: URL;
  /** How many are done at the same time, by threads that nothing holds up. */
  readonly atOnce: number;
  /** Takes care of a result that nobody waits for any more. */
  discard?(name: JobName<Jobs>, value: unknown): void;
}

/** The first thing that a thread says: it is there. */
export const READY = "ready";
