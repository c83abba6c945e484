import type { Credentials, SwapLedger } from "../charges/swap-ledger.ts";
import type { UidInfo } from "../charges/uidinfo.ts";
import { OBJ_NOSPLIT, OBJ_ONEMAPPING, type ObjectType, type VmObject } from "./object.ts";
import type { VmObjects } from "./objects.ts";

export type PagerType = Exclude<ObjectType, "dead">;

/** A request for an object. All sizes are pages. */
export interface PagerRequest {
  readonly type: PagerType;
  /** The same handle is the same object; undefined for memory without a name. */
  readonly handle?: string;
  readonly size: number;
  readonly offset?: number;
  /** Who pays, for a type that swap backs. Absent: the object holds no charge. */
  readonly cred?: UidInfo;
}

/** One row for each pager: whether swap backs its objects, so that they are charged. */
const CHARGES: Record<PagerType, boolean> = {
  default: true,
  swap: true,
  vnode: false,
  device: false,
  phys: false,
  sg: false,
};

/** vm_pager.c: makes objects, and finds existing ones by their handles. */
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

  /** As {@link allocate}, for memory that address spaces share: never split, never cut at its tail. */
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
