import type { Tid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Callers } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import { perform, type Steps, step } from "../../core/vfs/steps.ts";
import type { KernelAccess } from "../linux/access.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import type { Attachments } from "./attachments.ts";
import { lookFor } from "./look.ts";
import type { PassingPeeks } from "./passing-peeks.ts";
import type { WaitLoop } from "./wait-loop.ts";

interface Setup {
  readonly access: KernelAccess;
  readonly attachments: Attachments;
  readonly peeks: PassingPeeks;
  readonly loop: WaitLoop;
  isSelf(target: LiveProcess, caller: Caller): boolean;
  /** Until an attach would not wait. */
  clear(target: LiveProcess, caller: Caller): Steps<void>;
  refuseTraced(target: LiveProcess): void;
}

/** Looks at stopped threads: of a process that runs one is stopped for the moment. */
export class Looks {
  readonly #setup: Setup;

  constructor(setup: Setup) {
    this.#setup = setup;
  }

  /**
   * What `act` returns or throws, called while the thread – `tid`, absent the current one – is stopped and all `callers` may debug
   * it. ESRCH, EPERM, EBUSY; EDEADLK for the caller itself.
   */
  take<T>(target: LiveProcess, callers: Callers, act: (tid: Tid) => T, tid?: Tid): Outcome<T> {
    if (target.hasExited()) throw new Errno("ESRCH", `process ${target.pid} has exited`);
    if (target.isKernelThread()) throw new Errno("EPERM", `${target.pid} is a kernel thread`);
    if (this.#setup.isSelf(target, callers[0])) {
      throw new Errno("EDEADLK", "the process is blocked in this very request");
    }
    return perform(this.#look(target, callers, act, tid));
  }

  *#look<T>(target: LiveProcess, callers: Callers, act: (tid: Tid) => T, tid: Tid | undefined): Steps<T> {
    const { access, attachments, peeks, loop } = this.#setup;
    if (!peeks.has(target.pid) && !attachments.get(target.pid)) yield* this.#setup.clear(target, callers[0]);
    const attachment = attachments.get(target.pid);
    if (attachment?.tracee.mode === "stopped" && tid === undefined) return act(attachment.tracee.current);
    const parked = new Parked<T>();
    const allow = (tid: Tid): void => {
      for (const each of callers) access.debugThread(target, tid, each);
    };
    const look = lookFor(parked, allow, act);
    if (attachment) {
      attachment.tracee.peek(look, tid);
      loop.spin(tid ?? attachment.tracee.current, () => parked.ended);
    } else peeks.add(target, look, () => this.#setup.refuseTraced(target), tid);
    return yield* step(parked);
  }
}
