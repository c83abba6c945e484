import { Errno } from "../base/errno.ts";
import { formatSize, PAGE_SIZE } from "../base/size.ts";
import { Charge } from "./charge.ts";
import type { Credentials, Refusal, SwapLedger } from "./swap-ledger.ts";
import type { UidInfo, UidInfos } from "./uidinfo.ts";

/**
 * The charges of memory disks (md(4), swap-backed), which no process holds. `name` identifies a disk; sizes are pages, payers are uids. A
 * method that throws changes nothing.
 */
export interface DiskCharges {
  /** Charges a new disk. `by`: whose limit and privilege count, now and at every later resize. EEXIST, ENOMEM. */
  reserve(name: string, pages: number, payer: number, by: Credentials): void;
  /** As {@link reserve}, for a disk that exists already: charged whatever the limits. EEXIST. */
  adopt(name: string, pages: number, payer: number, by: Credentials): void;
  /** The disk is to have this size. ENOENT, ENOMEM. */
  resize(name: string, pages: number): void;
  /** The disk is gone. ENOENT. */
  release(name: string): void;
}

interface ChargedDisk {
  readonly charge: Charge;
  readonly by: Credentials;
}

/** The charges of all disks, one each, by name. */
export class HeldDisks implements DiskCharges {
  readonly #ledger: SwapLedger;
  readonly #uids: UidInfos;
  readonly #disks = new Map<string, ChargedDisk>();

  constructor(ledger: SwapLedger, uids: UidInfos) {
    this.#ledger = ledger;
    this.#uids = uids;
  }

  *[Symbol.iterator](): IterableIterator<Charge> {
    for (const { charge } of this.#disks.values()) yield charge;
  }

  reserve(name: string, pages: number, payer: number, by: Credentials): void {
    this.#hold(name, payer, by, (charge) => this.#grow(charge, pages, by));
  }

  adopt(name: string, pages: number, payer: number, by: Credentials): void {
    this.#hold(name, payer, by, (charge) => charge.grow(pages));
  }

  #hold(name: string, payer: number, by: Credentials, fill: (charge: Charge) => void): void {
    if (this.#disks.has(name)) throw new Errno("EEXIST", `${name} is charged already`);
    const charge = new Charge(this.#ledger, this.#uids.find(payer));
    fill(charge);
    this.#disks.set(name, { charge, by });
  }

  resize(name: string, pages: number): void {
    const { charge, by } = this.#find(name);
    const more = pages - charge.pages;
    if (more > 0) this.#grow(charge, more, by);
    else charge.grow(more);
  }

  #grow(charge: Charge, pages: number, by: Credentials): void {
    const refusal = this.#ledger.refusalOf(pages, charge.payer, by);
    if (refusal) {
      this.#ledger.tellRefusal(pages, charge.payer, by);
      throw enomem(pages, charge.payer, refusal);
    }
    charge.grow(pages);
  }

  release(name: string): void {
    this.#find(name).charge.release();
    this.#disks.delete(name);
  }

  #find(name: string): ChargedDisk {
    const disk = this.#disks.get(name);
    if (!disk) throw new Errno("ENOENT", `${name} is not charged to anybody`);
    return disk;
  }
}

/** The error ENOMEM for a person: the total and the limit that the pages would exceed, and what to do. */
function enomem(pages: number, payer: UidInfo, { reason, used, limit }: Refusal): Errno {
  const size = (count: number): string => formatSize(count * PAGE_SIZE);
  const holder = reason === "rlimit" ? `uid ${payer.uid}` : "the system";
  return new Errno(
    "ENOMEM",
    `${size(pages)} more do not fit: ${holder} may have ${size(limit)} and is charged ${size(used)}; destroy something first`,
  );
}
