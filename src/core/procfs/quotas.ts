import { Errno, type ErrnoName } from "../base/errno.ts";
import type { Caller } from "../vfs/caller.ts";

export interface Quota {
  readonly most: number;
  /** Of what, as the manual's section QUOTAS says it. */
  readonly what: string;
  /** Told to whoever wants more. */
  readonly errno: ErrnoName;
}

/** How much a user other than root can make the server hold or wait for. Nobody else notices who is at a limit. */
export const QUOTAS: Readonly<Record<"openFiles" | "waitingRequests" | "threadsPerOwner" | "threads", Quota>> = {
  openFiles: { most: 1024, what: "files of processes that one uid has open", errno: "EMFILE" },
  waitingRequests: { most: 256, what: "requests of one uid that wait for processes of others", errno: "EAGAIN" },
  threadsPerOwner: { most: 2, what: "threads of the server that processes of one owner keep waiting", errno: "EAGAIN" },
  threads: { most: 16, what: "threads of the server that wait for processes, in all", errno: "EAGAIN" },
};

/** What whoever is at the limit is told. */
export function beyond({ most, what, errno }: Quota): Errno {
  return new Errno(errno, `there are ${most} ${what}, which is the most`);
}

/** Counts what each uid holds. Root is not counted. */
export class PerUid {
  readonly #quota: Quota;
  readonly #held = new Map<number, number>();

  constructor(quota: Quota) {
    this.#quota = quota;
  }

  /** One more for `uid`, until the result is called, which may happen more than once. EAGAIN or EMFILE, as the quota says. */
  take({ uid }: Pick<Caller, "uid">): () => void {
    if (uid === 0) return () => {};
    const held = this.#held.get(uid) ?? 0;
    if (held >= this.#quota.most) throw beyond(this.#quota);
    this.#held.set(uid, held + 1);
    let taken = true;
    return () => {
      if (!taken) return;
      taken = false;
      const left = this.#held.get(uid)! - 1;
      if (left > 0) this.#held.set(uid, left);
      else this.#held.delete(uid);
    };
  }
}

/** The counts that all trees over the same processes share. */
export class Quotas {
  readonly openFiles: PerUid = new PerUid(QUOTAS.openFiles);
}
