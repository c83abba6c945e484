import type { Pid } from "../../core/base/brand.ts";
import type { Errno } from "../../core/base/errno.ts";
import type { Peek } from "../../core/trace/observer.ts";
import { mapOutcome, Parked } from "../../core/vfs/parked.ts";
import { PassingPeek } from "./passing-peek.ts";
import type { RepairSharing } from "./repair-sharing.ts";
import type { WaitLoop } from "./wait-loop.ts";

/** Looks at processes that nobody controls, one visit a process for all who want a look just then. */
export class PassingPeeks {
  readonly #loop: WaitLoop;
  readonly #sharing: RepairSharing;
  readonly #over: () => void;
  readonly #peeks = new Map<Pid, PassingPeek>();

  /** `over` is told when a process is free again. */
  constructor(loop: WaitLoop, sharing: RepairSharing, over: () => void) {
    this.#loop = loop;
    this.#sharing = sharing;
    this.#over = over;
  }

  get size(): number {
    return this.#peeks.size;
  }

  has(pid: Pid): boolean {
    return this.#peeks.has(pid);
  }

  /** Looks as soon as who repairs the process's calls has let it go. `check` throws where another has it then. EBUSY, EPERM, ESRCH. */
  add(pid: Pid, look: Peek, check: () => void): void {
    const visit = (): void => this.#visit(pid, check).add(look);
    if (this.#peeks.has(pid) || !this.#sharing.has(pid)) {
      visit();
      return;
    }
    const cleared = mapOutcome(this.#sharing.release(pid), visit);
    if (cleared instanceof Parked) cleared.listen({ settled: () => {}, failed: (error: Errno) => look.fail(error) });
  }

  #visit(pid: Pid, check: () => void): PassingPeek {
    let peek = this.#peeks.get(pid);
    if (peek) return peek;
    check();
    peek = new PassingPeek(pid, this.#loop, this.#sharing, () => {
      this.#peeks.delete(pid);
      this.#sharing.again(pid);
      this.#over();
    });
    this.#peeks.set(pid, peek);
    return peek;
  }
}
