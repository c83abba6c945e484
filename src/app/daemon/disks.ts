import { Errno, isErrno } from "../../core/base/errno.ts";
import { PAGE_SIZE, pagesIn } from "../../core/base/size.ts";
import type { DiskCharges } from "../../core/charges/disk-charges.ts";
import type { Credentials } from "../../core/charges/swap-ledger.ts";
import { UNLIMITED } from "../../core/charges/unlimited.ts";
import type { MemoryDisk, MemoryDisks } from "../../host/linux/memory-disk/memory-disks.ts";

/** What a daemon does with memory disks. Sizes are bytes; a device is `/dev/loopN`. */
export interface DiskActions {
  /** The device. ENOMEM: `limit`, which counts all that `uid` is charged, is in the way, or that of the system. */
  create(bytes: number, uid: number, limit: number): Promise<string>;
  resize(device: string, bytes: number): Promise<void>;
  /** EBUSY, and nothing has changed, while it is used. */
  destroy(device: string): Promise<void>;
  list(): readonly MemoryDisk[];
  /** Whether there is any; the daemon must go on to account for it. */
  readonly any: boolean;
}

type Later<F> = F extends (...args: infer A) => void ? (...args: A) => void | Promise<void> : never;

/** The charges, kept by another thread perhaps. Asked in order; what only follows what has happened is not waited for. */
export type DiskLedger = { readonly [M in keyof DiskCharges]: Later<DiskCharges[M]> };

/** What makes them. */
export type DiskHost = Pick<MemoryDisks, "list" | "nextDevice" | "create" | "resize" | "destroy">;

/** How often somebody else may be quicker to take the device that was free. */
const TRIES = 10;

/** Disks and their charges, kept in step: the kernel says which disks there are, also those of a daemon before this one. */
export class Disks implements DiskActions {
  readonly #host: DiskHost;
  readonly #charges: DiskLedger;
  /** The last of what changes disks: one thing after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** The disks that are charged, by device; those that were there when we last looked. */
  #charged = new Map<string, MemoryDisk>();

  constructor(host: DiskHost, charges: DiskLedger) {
    this.#host = host;
    this.#charges = charges;
    this.list();
  }

  /** Looks, and charges what has come and gone without our doing. */
  list(): readonly MemoryDisk[] {
    const found = new Map(this.#host.list().map((disk) => [disk.device, disk]));
    for (const [device, { use }] of this.#charged) {
      if (found.get(device)?.use === use) continue;
      this.#charges.release(device);
      this.#charged.delete(device);
    }
    for (const [device, { bytes, uid, limit }] of found) {
      if (!this.#charged.has(device)) this.#charges.adopt(device, pagesIn(bytes), uid, credentials(uid, limit));
    }
    this.#charged = found;
    return [...found.values()];
  }

  get any(): boolean {
    // What nobody has charged yet is not there: others make disks of their own.
    return this.#charged.size > 0 && this.list().length > 0;
  }

  create(bytes: number, uid: number, limit: number): Promise<string> {
    return this.#inTurn(() => this.#create(bytes, uid, limit));
  }

  resize(device: string, bytes: number): Promise<void> {
    return this.#inTurn(() => this.#resize(device, bytes));
  }

  destroy(device: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#host.destroy(this.#find(device));
      this.list();
    });
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => {});
    return done;
  }

  async #create(bytes: number, uid: number, limit: number): Promise<string> {
    if (bytes === 0) throw new Errno("EINVAL", "a disk of no size; say how large, as in 512m");
    const pages = limit === UNLIMITED ? limit : Math.floor(limit / PAGE_SIZE);
    this.list();
    for (let tries = 1; ; tries++) {
      const device = this.#host.nextDevice();
      await this.#charges.reserve(device, pagesIn(bytes), uid, credentials(uid, pages));
      try {
        this.#host.create(device, { bytes, uid, limit: pages });
      } catch (error) {
        await this.#charges.release(device);
        if (isErrno(error, "EBUSY") && tries < TRIES) continue;
        throw error;
      }
      const made = this.#host.list().find((disk) => disk.device === device);
      if (!made) throw new Errno("EIO", `${device} was taken away in the moment it was made`);
      this.#charged.set(device, made);
      return device;
    }
  }

  async #resize(device: string, bytes: number): Promise<void> {
    if (bytes === 0) throw new Errno("EINVAL", "a disk of no size; lyonnais md destroy takes it away");
    const disk = this.#find(device);
    const [before, after] = [pagesIn(disk.bytes), pagesIn(bytes)];
    if (after > before) await this.#charges.resize(device, after);
    try {
      this.#host.resize(disk, bytes);
    } catch (error) {
      if (after > before) await this.#charges.resize(device, before);
      throw error;
    }
    if (after < before) await this.#charges.resize(device, after);
  }

  #find(device: string): MemoryDisk {
    const disk = this.list().find((each) => each.device === device);
    if (!disk) throw new Errno("ENODEV", `${device} is no memory disk of this daemon; lyonnais md list shows them`);
    return disk;
  }
}

/** Root is never refused, unless a limit was asked for: then it is held to that as root of a jail is. */
function credentials(uid: number, limit: number): Credentials {
  return { euid: uid, jailed: uid === 0 && limit !== UNLIMITED, rlimitSwap: limit, pid: process.pid };
}
