import type { UidInfo } from "../charges/uidinfo.ts";
import { PageRuns } from "./page-runs.ts";

/** Type of an object's pager (objtype_t). */
export type ObjectType = "default" | "swap" | "vnode" | "device" | "phys" | "sg" | "dead";

/** OBJ_ONEMAPPING: no page of the object is mapped twice. The values of these flags are those of FreeBSD's vm_object.h. */
export const OBJ_ONEMAPPING = 0x2000;
/** OBJ_NOSPLIT: System V and POSIX shared memory, never split and never cut at its tail. */
export const OBJ_NOSPLIT = 0x10;

/** struct vm_object. Reference counts, shadows and charges are changed by `VmObjects` only. */
export class VmObject {
  type: ObjectType;
  /** Pages. */
  size: number;
  flags: number;
  refCount = 1;
  shadowCount = 0;
  /** The handle that names it to its pager; undefined for anonymous memory. */
  handle: string | undefined;
  backing: VmObject | undefined = undefined;
  /** Where this object begins in the backing object: pages. */
  backingOffset = 0;
  /** The objects that shadow this one, newest first, linked through themselves. */
  shadowHead: VmObject | undefined = undefined;
  shadowNext: VmObject | undefined = undefined;
  shadowPrevious: VmObject | undefined = undefined;
  /** The uid that pays, where the object holds a charge. */
  cred: UidInfo | undefined = undefined;
  /** Pages charged to {@link cred}; without meaning where that is undefined. May differ from {@link size}. */
  charge = 0;
  #pages: PageRuns | undefined = undefined;

  constructor(type: ObjectType, size: number, handle: string | undefined) {
    this.type = type;
    this.size = size;
    this.handle = handle;
    this.flags = this.anonymous ? OBJ_ONEMAPPING : 0;
  }

  /** Of the type default or swap: only swap can back its pages. */
  get anonymous(): boolean {
    return this.type === "default" || this.type === "swap";
  }

  /** Anonymous memory that only maps refer to. */
  get private(): boolean {
    return this.anonymous && this.handle === undefined;
  }

  get oneMapping(): boolean {
    return (this.flags & OBJ_ONEMAPPING) !== 0;
  }

  /** May be split and cut at its tail. */
  get divisible(): boolean {
    return (this.flags & (OBJ_ONEMAPPING | OBJ_NOSPLIT)) === OBJ_ONEMAPPING;
  }

  set(flag: number): void {
    this.flags |= flag;
  }

  clear(flag: number): void {
    this.flags &= ~flag;
  }

  /** Pages that exist in this object itself, wherever they are kept. */
  get pageCount(): number {
    return this.#pages?.count ?? 0;
  }

  hasPage(index: number): boolean {
    return this.#pages?.has(index) ?? false;
  }

  hasPages(from: number, to: number): boolean {
    return from >= to || (this.#pages?.covers(from, to) ?? false);
  }

  /** The stretches of pages in [from, to). */
  pagesWithin(from: number, to: number): Iterable<readonly [from: number, to: number]> {
    return this.#pages?.within(from, to) ?? [];
  }

  addPages(from: number, to: number): void {
    if (this.#pages) this.#pages.add(from, to);
    else this.#pages = new PageRuns(from, to);
  }

  removePages(from: number, to: number): void {
    this.#pages?.remove(from, to);
  }

  /** The last object of the chain behind this one; itself without one. */
  get bottom(): VmObject {
    let object: VmObject = this;
    while (object.backing) object = object.backing;
    return object;
  }

  link(backing: VmObject): void {
    const head = backing.shadowHead;
    this.backing = backing;
    this.shadowNext = head;
    if (head) head.shadowPrevious = this;
    backing.shadowHead = this;
    backing.shadowCount++;
  }

  unlink(): void {
    const backing = this.backing;
    if (!backing) return;
    if (this.shadowPrevious) this.shadowPrevious.shadowNext = this.shadowNext;
    else backing.shadowHead = this.shadowNext;
    if (this.shadowNext) this.shadowNext.shadowPrevious = this.shadowPrevious;
    this.shadowNext = undefined;
    this.shadowPrevious = undefined;
    this.backing = undefined;
    backing.shadowCount--;
  }
}
