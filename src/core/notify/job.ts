import { Budget } from "../charges/budget.ts";
import { type LimitCell, limitCell } from "./limit.ts";

/** A tree of processes, which may have a budget of its own: `run -j`. */
export class Job extends Budget {
  /** Its number in the journal. */
  readonly id: number;
  /** The limit of a process that enters the job without a known parent. */
  limit: LimitCell;
  declare readonly around: Job | undefined;
  /** The uid whose login session this job is, where the administrator's policy gives sessions of that uid a budget. */
  readonly sessionOf: number | undefined;

  /** `most`: the budget in pages. `around`: the job whose budget this one counts against, too. */
  constructor(id: number, limit: LimitCell = limitCell(), most?: number, around?: Job, sessionOf?: number) {
    super(`job ${id}`, most, around);
    this.sessionOf = sessionOf;
    this.id = id;
    this.limit = limit;
  }
}
