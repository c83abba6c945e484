import { Errno } from "../base/errno.ts";
import { formatSize, PAGE_SIZE } from "../base/size.ts";
import type { VmObject } from "./object.ts";
import { resize } from "./posix-shm.ts";
import type { Credentials, SwapLedger } from "./swap-ledger.ts";
import type { UidInfo } from "./uidinfo.ts";
import type { Vm } from "./vm.ts";

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
  readonly object: VmObject;
  readonly by: Credentials;
}

/** Never refused, only counted. */
const PRIVILEGED = { euid: 0, jailed: false };

/** Each disk is an object of the swap pager, which holds the charge (swap-accounting S61). */
export class PagerDiskCharges implements DiskCharges {
  readonly #vm: Vm;
  readonly #disks = new Map<string, ChargedDisk>();

  constructor(vm: Vm) {
    this.#vm = vm;
  }

  reserve(name: string, pages: number, payer: number, by: Credentials): void {
    this.#allocate(name, pages, payer, by, by);
  }

  adopt(name: string, pages: number, payer: number, by: Credentials): void {
    this.#allocate(name, pages, payer, by, { ...by, ...PRIVILEGED });
  }

  #allocate(name: string, pages: number, payer: number, by: Credentials, now: Credentials): void {
    if (this.#disks.has(name)) throw new Errno("EEXIST", `${name} is charged already`);
    const { pagers, uids, ledger, handles } = this.#vm;
    const cred = uids.find(payer);
    const object = pagers.allocate({ type: "swap", size: pages, cred }, now);
    if (!object) throw refusal(pages, cred, by, ledger);
    handles.add(object);
    this.#disks.set(name, { object, by });
  }

  resize(name: string, pages: number): void {
    const { object, by } = this.#find(name);
    const { ledger, objects } = this.#vm;
    const more = pages - object.size;
    if (!resize(object, pages, by, ledger, objects)) throw refusal(more, object.cred!, by, ledger);
  }

  release(name: string): void {
    this.#vm.closeHandle(this.#find(name).object);
    this.#disks.delete(name);
  }

  #find(name: string): ChargedDisk {
    const disk = this.#disks.get(name);
    if (!disk) throw new Errno("ENOENT", `${name} is not charged to anybody`);
    return disk;
  }
}

/** ENOMEM, with the total that is in the way. */
function refusal(pages: number, payer: UidInfo, by: Credentials, ledger: SwapLedger): Errno {
  const size = (count: number): string => formatSize(count * PAGE_SIZE);
  const { reason, used, limit } = ledger.shortageOf(pages, payer, by)!;
  const holder = reason === "rlimit" ? `uid ${payer.uid}` : "the system";
  return new Errno(
    "ENOMEM",
    `${size(pages)} more do not fit: ${holder} may have ${size(limit)} and is charged ${size(used)}; destroy something first`,
  );
}
