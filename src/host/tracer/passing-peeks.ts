import type { Pid } from "../../core/base/brand.ts";
import type { Peek } from "../../core/trace/observer.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { PassingPeek } from "./passing-peek.ts";
import type { RepairSharing } from "./repair-sharing.ts";
import type { SeizeWatch } from "./seize-watch.ts";
import type { WaitLoop } from "./wait-loop.ts";

/** Looks at processes that nobody controls, one visit a process for all who want a look just then. */
export class PassingPeeks {
  readonly #loop: WaitLoop;
  readonly #tracing: { readonly sharing: RepairSharing; readonly watch: SeizeWatch };
  readonly #over: () => void;
  readonly #peeks = new Map<Pid, PassingPeek>();

  /** `over` is told when a process is free again. */
  constructor(loop: WaitLoop, sharing: RepairSharing, watch: SeizeWatch, over: () => void) {
    this.#loop = loop;
    this.#tracing = { sharing, watch };
    this.#over = over;
  }

  get size(): number {
    return this.#peeks.size;
  }

  has(pid: Pid): boolean {
    return this.#peeks.has(pid);
  }

  /** `check` throws where a process that is not yet looked at must not be. EBUSY, EPERM, ESRCH. */
  add(target: LiveProcess, look: Peek, check: () => void): void {
    this.#visit(target, check).add(look);
  }

  #visit(target: LiveProcess, check: () => void): PassingPeek {
    let peek = this.#peeks.get(target.pid);
    if (peek) return peek;
    check();
    peek = new PassingPeek(target, this.#loop, this.#tracing, () => {
      this.#peeks.delete(target.pid);
      this.#tracing.sharing.again(target.pid);
      this.#over();
    });
    this.#peeks.set(target.pid, peek);
    return peek;
  }
}
