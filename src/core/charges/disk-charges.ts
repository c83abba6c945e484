import { Errno } from "../base/errno.ts";
import { formatSize, PAGE_SIZE } from "../base/size.ts";
import { Charge } from "./charge.ts";
import type { Credentials, Refusal, SwapLedger } from "./swap-ledger.ts";
import type { UidInfo, UidInfos } from "./uidinfo.ts";

/**
 * Charges that no process holds: swap-backed memory disks, md(4). Pages; a refusal is ENOMEM and changes nothing. A name that
 * is charged already is EEXIST, one that is not ENOENT.
 */
export interface DiskCharges {
  /** Charges `payer`. The limit and the privilege of `by` count, now and at every later resize. */
  reserve(name: string, pages: number, payer: number, by: Credentials): void;
  /** The same for a disk that is there already: counted, whatever the limit. */
  adopt(name: string, pages: number, payer: number, by: Credentials): void;
  resize(name: string, pages: number): void;
  release(name: string): void;
}

interface ChargedDisk {
  readonly charge: Charge;
  readonly by: Credentials;
}

/** A charge each disk. */
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

/** ENOMEM, with the total that is in the way. */
function enomem(pages: number, payer: UidInfo, { reason, used, limit }: Refusal): Errno {
  const size = (count: number): string => formatSize(count * PAGE_SIZE);
  const holder = reason === "rlimit" ? `uid ${payer.uid}` : "the system";
  return new Errno(
    "ENOMEM",
    `${size(pages)} more do not fit: ${holder} may have ${size(limit)} and is charged ${size(used)}; destroy something first`,
  );
}
