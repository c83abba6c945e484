import { UNLIMITED } from "./unlimited.ts";

/** The administrator's limit of a uid's total: pages. */
export interface UidLimit {
  /** Holds for a process that has no limit of its own. */
  readonly soft: number;
  /** Holds for every process of the uid. */
  readonly hard: number;
}

const NO_LIMIT: UidLimit = Object.freeze({ soft: UNLIMITED, hard: UNLIMITED });

/** struct uidinfo: what one real uid has reserved. There is one object a uid, and it is never freed: charges refer to it. */
export class UidInfo {
  readonly uid: number;
  /** ui_vmsize, the total of all charges that name this uid: pages. Written by the ledger only. */
  vmsize = 0;
  /** Written by {@link UidInfos} only. */
  limit: UidLimit = NO_LIMIT;

  constructor(uid: number) {
    this.uid = uid;
  }
}

/** All uids that were ever looked up. */
export class UidInfos {
  readonly #byUid = new Map<number, UidInfo>();
  #limitOf: (uid: number) => UidLimit | undefined = () => undefined;

  /** Sets the limits of all uids, those that are looked up later included. `limitOf` returns undefined for a uid without one. */
  setLimits(limitOf: (uid: number) => UidLimit | undefined): void {
    this.#limitOf = limitOf;
    for (const info of this) info.limit = limitOf(info.uid) ?? NO_LIMIT;
  }

  /** uifind: the object of a uid, made at the first use. */
  find(uid: number): UidInfo {
    let found = this.#byUid.get(uid);
    if (!found) {
      found = new UidInfo(uid);
      found.limit = this.#limitOf(uid) ?? NO_LIMIT;
      this.#byUid.set(uid, found);
    }
    return found;
  }

  [Symbol.iterator](): IterableIterator<UidInfo> {
    return this.#byUid.values();
  }
}
