import { UNLIMITED } from "./unlimited.ts";

/** What the administrator lets a uid have in all, pages: `soft` where a process has no limit of its own, and never more than `hard`. */
export interface UidLimit {
  readonly soft: number;
  readonly hard: number;
}

const NO_LIMIT: UidLimit = Object.freeze({ soft: UNLIMITED, hard: UNLIMITED });

/** struct uidinfo: what one real uid has reserved. It outlives the uid's last process while charges name it. */
export class UidInfo {
  readonly uid: number;
  /** ui_vmsize: pages. */
  vmsize = 0;
  limit: UidLimit = NO_LIMIT;

  constructor(uid: number) {
    this.uid = uid;
  }
}

/** All uids that were ever charged or looked up (uifind). */
export class UidInfos {
  readonly #byUid = new Map<number, UidInfo>();
  #limitOf: (uid: number) => UidLimit | undefined = () => undefined;

  /** From now on these limits hold, of whoever is here or still to come; undefined for none. */
  setLimits(limitOf: (uid: number) => UidLimit | undefined): void {
    this.#limitOf = limitOf;
    for (const info of this) info.limit = limitOf(info.uid) ?? NO_LIMIT;
  }

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
