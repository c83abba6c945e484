import type { Credentials, SwapLedger } from "../charges/swap-ledger.ts";
import type { UidInfo } from "../charges/uidinfo.ts";
import { OBJ_NOSPLIT, OBJ_ONEMAPPING, type ObjectType, type VmObject } from "./object.ts";
import type { VmObjects } from "./objects.ts";

export type PagerType = Exclude<ObjectType, "dead">;

/** What a request to a pager says. Pages throughout. */
export interface PagerRequest {
  readonly type: PagerType;
  /** The same handle is the same object; undefined for memory without a name. */
  readonly handle?: string;
  readonly size: number;
  readonly offset?: number;
  /** Who pays, if the type is one that is paid for; nobody without it. */
  readonly cred?: UidInfo;
}

/** One row a pager: whether an object of its is backed by swap, and so paid for. */
const CHARGES: Record<PagerType, boolean> = {
  default: true,
  swap: true,
  vnode: false,
  device: false,
  phys: false,
  sg: false,
};

/** vm_pager.c: makes objects, and finds those that have a name. */
export class Pagers {
  readonly #ledger: SwapLedger;
  readonly #objects: VmObjects;
  readonly #named = new Map<string, VmObject>();

  constructor(ledger: SwapLedger, objects: VmObjects) {
    this.#ledger = ledger;
    this.#objects = objects;
  }

  /**
   * vm_pager_allocate: the object holds the charge for its size in the name of `cred`; the limit is that of `by`. A named
   * object that exists gets one reference more and is not charged again. undefined: the reservation was refused.
   */
  allocate(request: PagerRequest, by: Credentials): VmObject | undefined {
    const { type, handle, size, offset = 0, cred } = request;
    const name = handle === undefined ? undefined : `${type} ${handle}`;
    const found = name === undefined ? undefined : this.#named.get(name);
    if (found) {
      found.refCount++;
      found.size = Math.max(found.size, offset + size);
      return found;
    }
    const pays = cred !== undefined && CHARGES[type];
    if (pays && !this.#ledger.reserve(offset + size, cred, by)) return undefined;
    const object = this.#objects.allocate(type, offset + size, handle);
    if (pays) this.#objects.hold(object, cred, offset + size);
    if (name !== undefined) this.#named.set(name, object);
    return object;
  }

  /** The same for memory that several address spaces are meant to have: never split, never cut at its tail. */
  allocateShared(request: PagerRequest, by: Credentials): VmObject | undefined {
    const object = this.allocate(request, by);
    object?.clear(OBJ_ONEMAPPING);
    object?.set(OBJ_NOSPLIT);
    return object;
  }

  /** The objects that have a name, in order of their making. */
  get named(): Iterable<VmObject> {
    return this.#named.values();
  }

  /** For `VmObjects`: an object is gone. */
  forget(object: VmObject, type: ObjectType): void {
    if (object.handle !== undefined) this.#named.delete(`${type} ${object.handle}`);
  }
}
