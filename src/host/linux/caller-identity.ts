import { statusMask } from "../../core/abi/text/status.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { actAs, cannotActFor, ownEffective, type Role } from "./acting.ts";
import { promptText, waitingLink } from "./proc-file.ts";

/** For how long the capabilities of a root caller are cached. The caller is blocked in its request meanwhile. */
const BELIEVED_MS = 20;

/** In which role a caller meets the kernel's permission checks, and what the daemon's own user may. */
export class CallerIdentity {
  readonly #uid: number = process.geteuid!();
  readonly #namespace: string = waitingLink(process.pid, "ns/user");
  #lastRoot = { tid: -1, until: 0, capable: false };

  /** EPERM when the daemon is not root and cannot stand in for that uid. */
  roleOf(caller: Caller): Role {
    const capable = caller.uid === 0 && this.#rootIsCapable(caller);
    if (this.#uid === 0) return capable ? "own" : { uid: caller.uid, gid: caller.gid };
    // Root may do whatever the daemon's own user may. The rights of other users cannot be tried by a daemon that is not root.
    if (caller.uid !== this.#uid && !capable) throw cannotActFor(caller.uid);
    return "own";
  }

  /** Whether there is a role for that caller. */
  canActFor(caller: Caller): boolean {
    return this.#uid === 0 || this.isOwn(caller);
  }

  /** Runs `act` as `caller`, on this thread. */
  as<T>(caller: Caller, act: () => T): T {
    return actAs(this.roleOf(caller), act);
  }

  /** Whether `caller` has everything the daemon has: its own user, or root. */
  isOwn(caller: Caller): boolean {
    return caller.uid === 0 ? this.#rootIsCapable(caller) : caller.uid === this.#uid;
  }

  /** {@link Access.recorded}. */
  recorded(caller: Caller, afresh: boolean): Caller {
    if (caller.uid !== 0 || caller.fullRoot !== undefined) return caller;
    if (afresh) this.#lastRoot.tid = -1;
    return { ...caller, fullRoot: this.#rootIsCapable(caller) };
  }

  /** Whether a caller of uid 0 is root here: all of the daemon's capabilities, in the daemon's user namespace. */
  #rootIsCapable(caller: Caller): boolean {
    if (caller.fullRoot !== undefined) return caller.fullRoot;
    const now = performance.now();
    if (this.#lastRoot.tid === caller.tid && now < this.#lastRoot.until) return this.#lastRoot.capable;
    const capable = caller.tid > 0 && this.#lookAtRoot(caller.tid);
    this.#lastRoot = { tid: caller.tid, until: now + BELIEVED_MS, capable };
    return capable;
  }

  /** The link can wait for an exec of the caller's process: of a process of uid 0, which could stop the daemon anyway. */
  #lookAtRoot(tid: number): boolean {
    try {
      if (waitingLink(tid, "ns/user") !== this.#namespace) return false;
      const effective = statusMask(promptText(tid, "status"), "CapEff");
      return (ownEffective() & ~effective) === 0n;
    } catch (error) {
      if (error instanceof Errno) return false;
      throw error;
    }
  }
}
