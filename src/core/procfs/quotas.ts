import { Errno } from "../base/errno.ts";
import type { Caller } from "../vfs/caller.ts";

/**
 * How much a user other than root can make the server hold or wait for. Whoever is at the limit gets the errno named here;
 * nobody else notices. The manual's section QUOTAS is this list.
 */
export const QUOTAS = {
  /** Files of processes open at a time, by uid of who opened them: EMFILE. */
  openFiles: 1024,
  /** Requests that wait for other processes, by uid of who asks: EAGAIN. */
  waitingRequests: 64,
  /** Processes of one owner that may keep a thread waiting longer than usual; of his others nothing is asked meanwhile: EAGAIN. */
  lateThreadsPerOwner: 2,
  /** Threads that may wait for processes of others, of everybody: EAGAIN. */
  threads: 8,
} as const;

/** Counts what each uid holds. Root is not counted. */
export class PerUid {
  readonly #limit: number;
  readonly #refusal: (uid: number) => Errno;
  readonly #held = new Map<number, number>();

  constructor(limit: number, refusal: (uid: number) => Errno) {
    this.#limit = limit;
    this.#refusal = refusal;
  }

  /** One more for `uid`, until the result is called, which may happen more than once. Throws the refusal. */
  take({ uid }: Pick<Caller, "uid">): () => void {
    if (uid === 0) return () => {};
    const held = this.#held.get(uid) ?? 0;
    if (held >= this.#limit) throw this.#refusal(uid);
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
  readonly openFiles: PerUid = new PerUid(
    QUOTAS.openFiles,
    (uid) => new Errno("EMFILE", `uid ${uid} has ${QUOTAS.openFiles} files of processes open, which is the most`),
  );
}
