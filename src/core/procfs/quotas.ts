import { Errno, type ErrnoName } from "../base/errno.ts";
import type { Caller } from "../vfs/caller.ts";
import type { Claims } from "../vfs/node.ts";

export interface Quota {
  readonly most: number;
  /** Of what, as the manual's section QUOTAS says it. */
  readonly what: string;
  /** Told to whoever wants more. */
  readonly errno: ErrnoName;
}

type QuotaName =
  | "openFiles"
  | "openBytes"
  | "waitingRequests"
  | "queuedRequests"
  | "queuedBytes"
  | "attached"
  | "attachedThreads"
  | "breakpoints"
  | "threadsPerOwner"
  | "threads";

/** How much a user other than root can make the server hold or wait for. Nobody else notices who is at a limit. */
export const QUOTAS: Readonly<Record<QuotaName, Quota>> = {
  openFiles: { most: 1024, what: "files and directories that one uid has open", errno: "EMFILE" },
  openBytes: { most: 64 * 1024 * 1024, what: "bytes of text that the open files of one uid hold", errno: "EMFILE" },
  waitingRequests: { most: 256, what: "requests of one uid that wait", errno: "EAGAIN" },
  // Far below what makes the server stop reading from everybody: see `core/vfs/turns.ts`.
  queuedRequests: { most: 256, what: "requests of one uid whose turn has not come", errno: "EAGAIN" },
  queuedBytes: { most: 4 * 1024 * 1024, what: "bytes of requests of one uid whose turn has not come", errno: "EAGAIN" },
  attached: { most: 128, what: "processes that one uid has attached", errno: "EAGAIN" },
  attachedThreads: {
    most: 256,
    what: "threads of a process that is attached through another user's server",
    errno: "EAGAIN",
  },
  // They are all written at each `run`, and taken out at each stop.
  breakpoints: { most: 256, what: "breakpoints of a process", errno: "EAGAIN" },
  threadsPerOwner: { most: 2, what: "threads of the server that processes of one owner keep waiting", errno: "EAGAIN" },
  threads: { most: 48, what: "threads of the server that wait for processes, in all", errno: "EAGAIN" },
};

/** What whoever is at the limit is told. */
export function beyond({ most, what, errno }: Quota): Errno {
  return new Errno(errno, `${most} is the most: ${what}`);
}

/** Counts what each uid holds. Root is not counted. */
export class PerUid {
  readonly #quota: Quota;
  readonly #held = new Map<number, number>();

  constructor(quota: Quota) {
    this.#quota = quota;
  }

  /**
   * `amount` more for `uid`, until the result is called, which may happen more than once. EAGAIN or EMFILE, as the quota says, when
   * it would have more than that.
   */
  take({ uid }: Pick<Caller, "uid">, amount = 1): () => void {
    if (uid === 0) return () => {};
    const held = this.#held.get(uid) ?? 0;
    if (held + amount > this.#quota.most) throw beyond(this.#quota);
    this.#held.set(uid, held + amount);
    let taken = true;
    return () => {
      if (!taken) return;
      taken = false;
      const left = this.#held.get(uid)! - amount;
      if (left > 0) this.#held.set(uid, left);
      else this.#held.delete(uid);
    };
  }
}

/** Releases what has been taken first, and what `take` takes; where that throws, the first at once. */
function both(release: () => void, take: () => () => void): () => void {
  try {
    const other = take();
    return () => {
      other();
      release();
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** What an entry of a listing takes that is held, in bytes. */
const ENTRY_BYTES = 128;

/** The counts that all trees over the same processes share. */
export class Quotas implements Claims {
  readonly #files = new PerUid(QUOTAS.openFiles);
  readonly #bytes = new PerUid(QUOTAS.openBytes);
  readonly #waiting = new PerUid(QUOTAS.waitingRequests);
  readonly #queued = new PerUid(QUOTAS.queuedRequests);
  readonly #queuedBytes = new PerUid(QUOTAS.queuedBytes);
  readonly attached: PerUid = new PerUid(QUOTAS.attached);

  waiting(caller: Caller): () => void {
    return this.#waiting.take(caller);
  }

  queued(caller: Caller, bytes: number): () => void {
    return both(this.#queued.take(caller), () => this.#queuedBytes.take(caller, bytes));
  }

  directory(caller: Caller, entries: number): () => void {
    return both(this.file(caller), () => this.#bytes.take(caller, entries * ENTRY_BYTES));
  }

  /** One more open file, whoever has it. EMFILE. */
  file(caller: Caller): () => void {
    return this.#files.take(caller);
  }

  /** What an open file holds. EMFILE. */
  bytes(caller: Caller, count: number): () => void {
    return this.#bytes.take(caller, count);
  }
}
