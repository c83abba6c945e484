import type { Pid, Tid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Peek } from "../../core/trace/observer.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { threadsOf } from "../linux/threads.ts";
import { PassingPeek } from "./passing-peek.ts";
import type { RepairSharing } from "./repair-sharing.ts";
import type { SeizeWatch } from "./seize-watch.ts";
import type { WaitLoop } from "./wait-loop.ts";

/** Looks at processes that nobody controls, one visit a thread for all who want a look at it just then. */
export class PassingPeeks {
  readonly #loop: WaitLoop;
  readonly #tracing: { readonly sharing: RepairSharing; readonly watch: SeizeWatch };
  readonly #over: () => void;
  readonly #peeks = new Map<Pid, Map<Tid, PassingPeek>>();

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

  /**
   * `check` throws where a process that is not yet looked at must not be. `tid` absent: its first thread. EBUSY, EPERM; ESRCH,
   * also for a thread that it does not have.
   */
  add(target: LiveProcess, look: Peek, check: () => void, tid?: Tid): void {
    const thread = threadToLookAt(target, tid);
    let visits = this.#peeks.get(target.pid);
    if (!visits) {
      check();
      visits = new Map();
    }
    const visit = visits.get(thread) ?? this.#begin(target, thread, visits);
    visit.add(look);
  }

  #begin(target: LiveProcess, thread: Tid, visits: Map<Tid, PassingPeek>): PassingPeek {
    const visit = new PassingPeek(target, thread, this.#loop, this.#tracing, () => {
      visits.delete(thread);
      if (visits.size > 0) return;
      this.#peeks.delete(target.pid);
      this.#tracing.sharing.again(target.pid);
      this.#over();
    });
    visits.set(thread, visit);
    this.#peeks.set(target.pid, visits);
    return visit;
  }
}

function threadToLookAt(process: LiveProcess, wanted: Tid | undefined): Tid {
  const { pid } = process;
  if (wanted !== undefined && !threadsOf(pid).includes(wanted))
    throw new Errno("ESRCH", `process ${pid} has no thread ${wanted}`);
  const tid = wanted ?? (process.isZombie() ? threadsOf(pid)[0] : (pid as number as Tid));
  if (tid === undefined) throw new Errno("ESRCH", `process ${pid} has exited`);
  return tid;
}
