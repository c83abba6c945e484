/** struct uidinfo: what one real uid has reserved. It outlives the uid's last process while charges name it. */
export class UidInfo {
  readonly uid: number;
  /** ui_vmsize: pages. */
  vmsize = 0;

  constructor(uid: number) {
    this.uid = uid;
  }
}

/** All uids that were ever charged or looked up (uifind). */
export class UidInfos {
  readonly #byUid = new Map<number, UidInfo>();

  find(uid: number): UidInfo {
    let found = this.#byUid.get(uid);
    if (!found) {
      found = new UidInfo(uid);
      this.#byUid.set(uid, found);
    }
    return found;
  }

  [Symbol.iterator](): IterableIterator<UidInfo> {
    return this.#byUid.values();
  }
}
