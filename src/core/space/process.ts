import type { Credentials, Refusal } from "../charges/swap-ledger.ts";
import type { UidInfo } from "../charges/uidinfo.ts";
import type { LimitCell } from "./limit.ts";
import type { Image, Targets } from "./ports.ts";
import type { Space } from "./space.ts";

/** A refused call and the limit that refused it. */
export interface RefusedCall extends Refusal {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly call: string;
  readonly pages: number;
}

/** How many of the last refusals a process keeps. */
const REMEMBERED = 16;

/** What identifies the program that a process runs. */
export type ProgramImage = Pick<Image, "startTicks" | "layout" | "name">;

/** `startTicks` of an image that cannot be read yet. */
export const UNREAD = 0;

/**
 * A change (exec, real uid) that was allowed and may not have happened: the id of the thread that was allowed it, `unknown` where nobody
 * knows which thread that is. Undefined: no change is pending.
 */
export type PendingChange = number | "unknown" | undefined;

/** A process whose calls are trapped. `Population` creates it, changes its space and image, and forgets it when it exits. */
export class AccountedProcess implements Credentials {
  readonly pid: number;
  readonly jailed = false;
  readonly #targets: Targets;
  /** Its address space, which other processes may share. Replaced at exec. */
  space: Space;
  /** The program that it runs. Replaced at exec. */
  image: ProgramImage;
  /** RLIMIT_SWAP, shared with every process that has inherited the same limit. */
  limit: LimitCell;
  /** It is the launcher of `run` until its first exec, and nothing of it counts. */
  launching = false;
  /** An allowed exec, and an allowed change of the real uid, that have not been seen. Only `Population` writes them. */
  pendingExec: PendingChange = undefined;
  pendingUid: PendingChange = undefined;
  /** The payer from its next exec on: set where it has changed its uid while it shares an address space that another uid pays for. */
  nextPayer: UidInfo | undefined;
  /** The last refused calls, oldest first. */
  readonly refusals: RefusedCall[] = [];
  /** Its threads, other than the main one, that have made a trapped call. */
  readonly tids: Set<number> = new Set();
  /** When there are this many {@link tids}, those of exited threads are removed. */
  mostTids = 256;

  constructor(pid: number, image: ProgramImage, space: Space, limit: LimitCell, targets: Targets) {
    this.pid = pid;
    this.image = image;
    this.space = space;
    this.limit = limit;
    this.#targets = targets;
  }

  get startTicks(): number {
    return this.image.startTicks;
  }

  get layout(): string {
    return this.image.layout;
  }

  /** The soft limit: pages. */
  get rlimitSwap(): number {
    return this.limit.soft;
  }

  /**
   * The effective uid, NaN where the process is gone. Read from the kernel at each use, since only a call that is about to be refused needs
   * it.
   */
  get euid(): number {
    return this.#targets.ids(this.pid)?.euid ?? Number.NaN;
  }

  /** Adds to {@link refusals}. */
  remember(refusal: RefusedCall): void {
    this.refusals.push(refusal);
    if (this.refusals.length > REMEMBERED) this.refusals.shift();
  }
}
