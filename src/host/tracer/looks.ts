import type { Tid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Callers } from "../../core/procfs/ports.ts";
import type { Peek } from "../../core/trace/observer.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import { perform, type Steps, step } from "../../core/vfs/steps.ts";
import type { KernelAccess } from "../linux/access.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import type { Attachment } from "./attachment.ts";
import type { Attachments } from "./attachments.ts";
import type { Freed } from "./freed.ts";
import { lookFor } from "./look.ts";
import type { PassingPeeks } from "./passing-peeks.ts";
import type { WaitLoop } from "./wait-loop.ts";

interface Setup {
  readonly access: Pick<KernelAccess, "debugThread">;
  readonly attachments: Pick<Attachments, "get">;
  readonly peeks: Pick<PassingPeeks, "has" | "join" | "begin">;
  readonly loop: Pick<WaitLoop, "spin">;
  readonly freed: Freed;
  isSelf(target: LiveProcess, caller: Caller): boolean;
  /** Until an attach would not wait. */
  clear(target: LiveProcess, caller: Caller): Steps<void>;
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
    const { access, attachments, loop } = this.#setup;
    const held = attachments.get(target.pid);
    if (held?.tracee.mode === "stopped" && tid === undefined) return act(held.tracee.current);
    const parked = new Parked<T>();
    const allow = (tid: Tid): void => {
      for (const each of callers) access.debugThread(target, tid, each);
    };
    const look = lookFor(parked, allow, act);
    const attachment = yield* this.#visit(target, callers[0], look, tid);
    if (attachment) {
      attachment.tracee.peek(look, tid);
      loop.spin(tid ?? attachment.tracee.current, () => parked.ended);
    }
    return yield* step(parked);
  }

  /**
   * Has a visit make the look; where the process is under control, returns who is to make it. One thread of a process is visited at
   * a time: seizing a second one would wait for an exec that waits for the first.
   */
  *#visit(target: LiveProcess, caller: Caller, look: Peek, tid: Tid | undefined): Steps<Attachment | undefined> {
    const { attachments, peeks, freed } = this.#setup;
    const { pid } = target;
    const isOurs = (): boolean => peeks.has(pid) || attachments.get(pid) !== undefined;
    for (;;) {
      if (!isOurs()) {
        yield* this.#setup.clear(target, caller);
        if (!isOurs()) {
          peeks.begin(target, look, tid);
          return undefined;
        }
      }
      const attachment = attachments.get(pid);
      if (attachment || peeks.join(target, look, tid)) return attachment;
      yield* step(freed.until(() => !peeks.has(pid)));
    }
  }
}
