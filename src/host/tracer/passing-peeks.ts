import type { Pid, Tid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Peek } from "../../core/trace/observer.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { runsOn, threadsOf } from "../linux/threads.ts";
import { PassingPeek } from "./passing-peek.ts";
import type { RepairSharing } from "./repair-sharing.ts";
import type { SeizeWatch } from "./seize-watch.ts";
import type { WaitLoop } from "./wait-loop.ts";

/** Looks at processes that nobody controls, one at a time: a visit of one thread, for all who want a look at that just then. */
export class PassingPeeks {
  readonly #loop: WaitLoop;
  readonly #tracing: { readonly sharing: RepairSharing; readonly watch: SeizeWatch };
  readonly #over: () => void;
  readonly #visits = new Map<Pid, PassingPeek>();

  /** `over` is told when a process is free again. */
  constructor(loop: WaitLoop, sharing: RepairSharing, watch: SeizeWatch, over: () => void) {
    this.#loop = loop;
    this.#tracing = { sharing, watch };
    this.#over = over;
  }

  get size(): number {
    return this.#visits.size;
  }

  has(pid: Pid): boolean {
    return this.#visits.has(pid);
  }

  /** The look becomes one of the visit under way; false where that is another thread's. `tid` absent: the first. ESRCH. */
  join(target: LiveProcess, look: Peek, tid?: Tid): boolean {
    const visit = this.#visits.get(target.pid);
    if (visit?.tid !== threadToLookAt(target, tid)) return false;
    visit.add(look);
    return true;
  }

  /** Of a process that is not visited, nor traced by anybody. As {@link join}; EPERM, too. */
  begin(target: LiveProcess, look: Peek, tid?: Tid): void {
    const { pid } = target;
    const visit = this.#visit(target, tid, () => {
      this.#visits.delete(pid);
      this.#tracing.sharing.again(pid);
      this.#over();
    });
    this.#visits.set(pid, visit);
    visit.add(look);
  }

  #visit(target: LiveProcess, tid: Tid | undefined, ended: () => void): PassingPeek {
    try {
      return new PassingPeek(target, threadToLookAt(target, tid), this.#loop, this.#tracing, ended);
    } catch (error) {
      this.#tracing.sharing.again(target.pid);
      throw error;
    }
  }
}

function threadToLookAt(process: LiveProcess, wanted: Tid | undefined): Tid {
  const { pid } = process;
  if (wanted !== undefined && !runsOn(pid, wanted)) throw new Errno("ESRCH", `process ${pid} has no thread ${wanted}`);
  const tid = wanted ?? (process.isZombie() ? threadsOf(pid)[0] : (pid as number as Tid));
  if (tid === undefined) throw new Errno("ESRCH", `process ${pid} has exited`);
  return tid;
}
