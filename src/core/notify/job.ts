import { Budget } from "../charges/budget.ts";
import { type LimitCell, limitCell } from "./limit.ts";

/** A tree of processes, which may have a budget of its own: `run -j`. */
export class Job extends Budget {
  /** By which the records name it. */
  readonly id: number;
  /** Of who comes in and whose parent is not known. */
  limit: LimitCell;
  declare readonly around: Job | undefined;
  /** Whose session it is, where the administrator says what a session of that uid may have. */
  readonly sessionOf: number | undefined;

  /** `most`: pages. */
  constructor(id: number, limit: LimitCell = limitCell(), most?: number, around?: Job, sessionOf?: number) {
    super(`job ${id}`, most, around);
    this.sessionOf = sessionOf;
    this.id = id;
    this.limit = limit;
  }
}
