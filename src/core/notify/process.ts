import type { Credentials, Refusal } from "../charges/swap-ledger.ts";
import type { UidInfo } from "../charges/uidinfo.ts";
import type { LimitCell } from "./limit.ts";
import type { Image, Targets } from "./ports.ts";
import type { Space } from "./space.ts";

/** A call that was refused, and why. */
export interface RefusedCall extends Refusal {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly call: string;
  readonly pages: number;
}

/** How many refusals a process remembers. */
const REMEMBERED = 16;

/** What is remembered of the program in a process. */
export type ProgramImage = Pick<Image, "startTicks" | "layout">;

/** `startTicks` of an image that cannot be read yet. */
export const UNREAD = 0;

/** The thread that was allowed to make a change that has not been seen yet; `undefined` where none was. */
export type PendingChange = number | "unknown" | undefined;

/** A process whose calls are trapped. */
export class AccountedProcess implements Credentials {
  readonly pid: number;
  readonly jailed = false;
  readonly #targets: Targets;
  space: Space;
  /** The program that it is; written by `Population`. */
  image: ProgramImage;
  limit: LimitCell;
  /** Not counted before its first exec: it is still the one that starts the command. */
  launching = false;
  /** An exec, or a change of the real uid, was allowed and has not been seen: by which thread. Only `Population` writes them. */
  pendingExec: PendingChange = undefined;
  pendingUid: PendingChange = undefined;
  /** Who pays for its next program, where another pays for the memory that it shares. */
  nextPayer: UidInfo | undefined;
  readonly refusals: RefusedCall[] = [];
  /** Threads that have called. */
  readonly tids: Set<number> = new Set();
  /** So many are remembered before it is asked which of them are gone. */
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

  get rlimitSwap(): number {
    return this.limit.soft;
  }

  /** Looked up at every use: only a call about to be refused asks. */
  get euid(): number {
    return this.#targets.ids(this.pid)?.euid ?? Number.NaN;
  }

  remember(refusal: RefusedCall): void {
    this.refusals.push(refusal);
    if (this.refusals.length > REMEMBERED) this.refusals.shift();
  }
}
