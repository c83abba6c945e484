import { Budget } from "../charges/budget.ts";
import { type LimitCell, limitCell } from "./limit.ts";

/** What a job stands for: a login session of a uid, a container, or a command. */
export interface JobOf {
  readonly sessionOf?: number | undefined;
  readonly container?: string | undefined;
  /** The name that `run --name` gave it. */
  readonly label?: string | undefined;
  /** The process that the job began with. */
  readonly root?: number | undefined;
}

/** A tree of processes, which may have a budget of its own: `run -j`. */
export class Job extends Budget {
  /** Its number in the journal. */
  readonly id: number;
  /** The limit of a process that enters the job without a known parent. */
  limit: LimitCell;
  declare readonly around: Job | undefined;
  /** The uid whose login session this job is, where the administrator's policy gives sessions of that uid a budget. */
  readonly sessionOf: number | undefined;
  /** The id of the container that this job is. */
  readonly container: string | undefined;
  /** The name that somebody gave it. */
  readonly label: string | undefined;
  /** The process that it began with, which may have exited. */
  readonly root: number | undefined;
  /** How many calls this budget has refused. */
  refusals = 0;

  /** `most`: the budget in pages. `around`: the job whose budget this one counts against, too. */
  constructor(id: number, limit: LimitCell = limitCell(), most?: number, around?: Job, of: JobOf = {}) {
    super(`job ${id}`, most, around);
    this.sessionOf = of.sessionOf;
    this.container = of.container;
    this.label = of.label;
    this.root = of.root;
    this.id = id;
    this.limit = limit;
  }
}
