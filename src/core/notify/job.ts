import { UNLIMITED } from "../vm/vocabulary.ts";
import { type LimitCell, limitCell } from "./limit.ts";

/** A tree of processes with a budget of its own, `run -j`; what counts against it counts against those around it. */
export class Job {
  /** By which the records name it. */
  readonly id: number;
  /** Of who comes in and whose parent is not known. */
  limit: LimitCell;
  /** Pages. */
  budget: number;
  readonly around: Job | undefined;
  #pages = 0;

  constructor(id: number, limit: LimitCell = limitCell(), budget: number = UNLIMITED, around?: Job) {
    this.id = id;
    this.limit = limit;
    this.budget = budget;
    this.around = around;
  }

  /** What its processes have reserved: pages. */
  get pages(): number {
    return this.#pages;
  }

  add(pages: number): void {
    for (let each: Job | undefined = this; each; each = each.around) each.#pages += pages;
  }

  isWithin(job: Job): boolean {
    for (let each: Job | undefined = this; each; each = each.around) if (each === job) return true;
    return false;
  }

  /** The job, this one or one around it, that has no room for so much more. */
  without(pages: number): Job | undefined {
    for (let each: Job | undefined = this; each; each = each.around) {
      if (each.#pages + pages > each.budget) return each;
    }
    return undefined;
  }
}
