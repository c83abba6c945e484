import { invariant } from "../base/assert.ts";
import type { SwapLedger } from "../charges/swap-ledger.ts";
import type { UidInfo } from "../charges/uidinfo.ts";
import type { VmMapEntry } from "./entry.ts";
import { OBJ_ONEMAPPING, type ObjectType, VmObject } from "./object.ts";

/** vm_object.c: creates, shadows, joins, splits and frees objects, and moves the charges that they hold. */
export class VmObjects {
  readonly #ledger: SwapLedger;
  /** Called when an object is gone, so that its pager can forget its name. */
  readonly #terminated: (object: VmObject, type: ObjectType) => void;

  constructor(ledger: SwapLedger, terminated: (object: VmObject, type: ObjectType) => void) {
    this.#ledger = ledger;
    this.#terminated = terminated;
  }

  /** vm_object_allocate: one reference, the caller's. */
  allocate(type: ObjectType, size: number, handle?: string): VmObject {
    return new VmObject(type, size, handle);
  }

  /** `object`, which holds no charge, becomes the holder of pages that are reserved already. */
  hold(object: VmObject, cred: UidInfo, pages: number): void {
    invariant(object.cred === undefined, "vm/objects: an object is charged twice");
    object.cred = cred;
    object.charge = pages;
  }

  /** Moves the charge of `entry`, if it holds one, into its object, which holds none. */
  takeOver(entry: VmMapEntry): void {
    const { cred, object } = entry;
    if (!cred) return;
    this.hold(object!, cred, entry.length);
    entry.cred = undefined;
  }

  /**
   * The opposite of {@link takeOver}: moves the object's charge into `entry`, its only user. Pages beyond the entry's length are given
   * back.
   */
  handBack(entry: VmMapEntry): void {
    const object = entry.object!;
    this.releaseCharge(object, object.charge - entry.length);
    entry.cred = object.cred;
    object.cred = undefined;
    object.charge = 0;
  }

  /** Gives back part of the object's charge. */
  releaseCharge(object: VmObject, pages: number): void {
    if (!object.cred) return;
    invariant(object.charge >= pages, "object->charge < 0");
    object.charge -= pages;
    this.#ledger.release(pages, object.cred);
  }

  /** vm_object_deallocate: drops one reference. The last one frees the object, its charge, and its reference on the backing object. */
  deallocate(dropped: VmObject): void {
    let object: VmObject | undefined = dropped;
    while (object) {
      invariant(object.refCount > 0, "vm/objects: reference count below 0");
      object.refCount--;
      if (object.type === "vnode" || object.refCount > 1) return;
      if (object.refCount === 1) {
        if (!object.private) return;
        if (object.shadowCount === 0) object.set(OBJ_ONEMAPPING);
        const shadow: VmObject | undefined = object.shadowHead;
        if (object.shadowCount !== 1 || !shadow?.private) return;
        // The only reference left is that of its only shadow: the two become one.
        shadow.refCount++;
        this.collapse(shadow);
        object = shadow;
        continue;
      }
      const backing: VmObject | undefined = object.backing;
      object.unlink();
      this.#destroy(object);
      object = backing;
    }
  }

  #destroy(object: VmObject): void {
    if (object.cred) this.releaseCharge(object, object.charge);
    object.cred = undefined;
    object.refCount = 0;
    const { type } = object;
    object.type = "dead";
    this.#terminated(object, type);
  }

  /** vm_object_shadow: the object to write to instead of `source`; `source` itself where nothing else uses it. */
  shadow(source: VmObject, offset: number, length: number): VmObject {
    if (source.refCount === 1 && source.private) return source;
    const result = this.allocate("default", length);
    result.link(source);
    result.backingOffset = offset;
    return result;
  }

  /** vm_object_collapse: merges backing objects that nothing else refers to, and bypasses those whose pages are all hidden. */
  collapse(object: VmObject): void {
    for (;;) {
      const backing = object.backing;
      if (!backing?.private || !object.private) return;
      if (backing.refCount === 1) this.#absorb(object, backing);
      else if (!this.#bypass(object, backing)) return;
    }
  }

  #absorb(object: VmObject, backing: VmObject): void {
    const offset = object.backingOffset;
    for (const [from, to] of backing.pagesWithin(offset, offset + object.size)) {
      object.addPages(from - offset, to - offset);
    }
    if (backing.type === "swap") object.type = "swap";
    const next = backing.backing;
    object.unlink();
    backing.unlink();
    if (next) {
      object.link(next);
      object.backingOffset = offset + backing.backingOffset;
    } else object.backingOffset = 0;
    this.#destroy(backing);
  }

  #bypass(object: VmObject, backing: VmObject): boolean {
    if (object.pageCount !== object.size && !this.#allShadowed(object, backing)) return false;
    const next = backing.backing;
    const offset = object.backingOffset;
    object.unlink();
    if (next) {
      object.link(next);
      next.refCount++;
      object.backingOffset = offset + backing.backingOffset;
    } else object.backingOffset = 0;
    backing.refCount--;
    return true;
  }

  /** Whether `object` hides every page of `backing` that could be seen through it. Pages that may be in swap are not considered. */
  #allShadowed(object: VmObject, backing: VmObject): boolean {
    if (backing.type !== "default") return false;
    const offset = object.backingOffset;
    for (const [from, to] of backing.pagesWithin(offset, offset + object.size)) {
      if (!object.hasPages(from - offset, to - offset)) return false;
    }
    return true;
  }

  /** vm_object_split: an object of their own for the pages of one entry. The charge goes with them, holes stay behind. */
  split(original: VmObject, offset: number, size: number): VmObject {
    const result = this.allocate("default", size);
    if (original.type === "swap") result.type = "swap";
    const source = original.backing;
    if (source) {
      result.link(source);
      source.refCount++;
      source.clear(OBJ_ONEMAPPING);
      result.backingOffset = original.backingOffset + offset;
    }
    if (original.cred) {
      invariant(original.charge >= size, "orig_object->charge < 0");
      this.hold(result, original.cred, size);
      original.charge -= size;
    }
    for (const [from, to] of original.pagesWithin(offset, offset + size)) result.addPages(from - offset, to - offset);
    original.removePages(offset, offset + size);
    this.deallocate(original);
    return result;
  }

  /**
   * Whether the pages behind index `next` of `object` can be given to a mapping that follows: the first half of
   * vm_object_coalesce.
   */
  mayExtend(object: VmObject, next: number): boolean {
    if (!object.anonymous) return false;
    this.collapse(object);
    return object.backing === undefined && (object.refCount === 1 || object.size === next);
  }

  /** The second half of vm_object_coalesce: removes stale pages and sets the new size. The caller has charged the pages. */
  extend(object: VmObject, next: number, pages: number): void {
    object.removePages(next, next + pages);
    object.size = Math.max(object.size, next + pages);
  }
}
