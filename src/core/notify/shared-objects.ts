import type { SwapLedger } from "../vm/swap-ledger.ts";
import type { UidInfo } from "../vm/uidinfo.ts";
import type { Job } from "./job.ts";
import type { LetGo } from "./let-go.ts";
import type { Operation } from "./operation.ts";
import type { Targets, Vma } from "./ports.ts";
import type { AccountedProcess } from "./process.ts";
import { OBJECT_RECORD, type Recorder } from "./records.ts";
import type { Space } from "./space.ts";

/** Memory that processes share, charged once to whoever made it: anonymous, System V, a memory file. */
export class SharedObject {
  pages = 0;
  readonly payer: UidInfo;
  readonly job: Job;
  /** The call that was let go to make it, or to make it grow, last. */
  call: LetGo | undefined;
  /** Who maps it; all that keeps anonymous memory alive. */
  readonly spaces: Set<Space> = new Set();

  constructor(payer: UidInfo, job: Job) {
    this.payer = payer;
    this.job = job;
  }
}

/** A System V segment that was granted, and has not been seen yet. */
interface Unseen extends SharedObject {
  readonly key: number;
  readonly call: LetGo;
}

type SegmentOperation = Extract<Operation, { kind: "segment" }>;

export interface SharedCharge {
  readonly name: string;
  readonly uid: number;
  readonly pages: number;
}

/** How an object's name begins: anonymous, a System V segment, a memory file. */
export const ANONYMOUS = "zero ";
export const SEGMENT = "sysv ";
export const FILE = "file ";

export class SharedObjects {
  readonly #ledger: SwapLedger;
  readonly #targets: Targets;
  readonly #recorder: Recorder;
  readonly #known = new Map<string, SharedObject>();
  readonly #files = new Set<string>();
  readonly #unseenShares = new Map<Space, SharedObject[]>();
  #unseenSegments: Unseen[] = [];

  constructor(ledger: SwapLedger, targets: Targets, recorder: Recorder) {
    this.#recorder = recorder;
    this.#ledger = ledger;
    this.#targets = targets;
  }

  /** Whether there is anything that {@link sweep} could find to be gone. */
  get any(): boolean {
    return this.#known.size > 0 || this.#unseenSegments.length > 0;
  }

  *[Symbol.iterator](): IterableIterator<SharedCharge & { readonly payer: UidInfo; readonly job: Job }> {
    const each = (name: string, { payer, pages, job }: SharedObject) => ({ name, uid: payer.uid, pages, payer, job });
    for (const [name, object] of this.#known) yield each(name, object);
    for (const objects of this.#unseenShares.values()) for (const object of objects) yield each("new", object);
    for (const object of this.#unseenSegments) yield each("new", object);
  }

  payerOf(name: string): UidInfo | undefined {
    return this.#known.get(name)?.payer;
  }

  /** Anonymous shared memory that `space` is about to map. */
  share(space: Space, pages: number): SharedObject {
    const object = new SharedObject(space.payer, space.job);
    this.#resize(object, pages);
    this.#unseenShares.set(space, [...(this.#unseenShares.get(space) ?? []), object]);
    return object;
  }

  /** It does not map it after all. */
  unshare(space: Space, object: SharedObject): void {
    const unseen = this.#unseenShares.get(space);
    const at = unseen?.indexOf(object) ?? -1;
    if (!unseen || at < 0) return;
    unseen.splice(at, 1);
    this.#resize(object, 0);
    if (unseen.length === 0) this.#unseenShares.delete(space);
  }

  hasUnseen(space: Space): boolean {
    return this.#unseenShares.has(space);
  }

  /** What a segment of this key and size would add: nothing when there is one. */
  segmentNeed(key: number, pages: number): number {
    return key !== 0 && this.#targets.segments().some((segment) => segment.key === key) ? 0 : pages;
  }

  makeSegment(call: LetGo, { key, pages }: SegmentOperation): void {
    const { payer, job } = call.process.space;
    const object: Unseen = Object.assign(new SharedObject(payer, job), { key, call });
    this.#resize(object, pages);
    this.#unseenSegments.push(object);
  }

  /** What a memory file of that size would add. */
  fileNeed(key: string, pages: number): number {
    return Math.max(0, pages - (this.#known.get(key)?.pages ?? 0));
  }

  /** `call` is to make a file grow; without one it has come to be so large already. */
  growFile(key: string, { payer, job }: Space, pages: number, call?: LetGo): void {
    const object = this.#known.get(key) ?? new SharedObject(payer, job);
    if (pages > object.pages) this.#resize(object, pages);
    object.call = call;
    this.#know(key, object);
  }

  /** A child maps what its parent maps. */
  inherit(parent: Space, child: Space): void {
    for (const object of this.#known.values()) if (object.spaces.has(parent)) object.spaces.add(child);
  }

  /** Takes on what the map of `space` shows; `settled` when no call of it is under way. */
  seen(space: Space, vmas: readonly Vma[], settled: boolean): void {
    const mapped = new Map<string, number>();
    for (const { object, objectPages } of vmas) {
      if (object !== undefined) mapped.set(object, Math.max(mapped.get(object) ?? 0, objectPages));
    }
    const unseen = this.#unseenShares.get(space) ?? [];
    for (const [key, pages] of mapped) {
      let object = this.#known.get(key);
      if (!object) {
        // Whatever else it is was made by somebody we do not watch.
        if (!key.startsWith(ANONYMOUS)) continue;
        const at = Math.max(
          0,
          unseen.findIndex((candidate) => candidate.pages === pages),
        );
        object = unseen.splice(at, 1)[0] ?? new SharedObject(space.payer, space.job);
        if (pages > object.pages) this.#resize(object, pages);
        this.#know(key, object);
      }
      object.spaces.add(space);
      if (pages > object.pages) this.#resize(object, pages);
    }
    if (settled) for (const object of unseen.splice(0)) this.#resize(object, 0);
    if (unseen.length === 0) this.#unseenShares.delete(space);
    for (const [key, object] of this.#known) if (!mapped.has(key)) this.#leave(key, object, space);
  }

  /** `space` is gone. */
  left(space: Space): void {
    for (const object of this.#unseenShares.get(space) ?? []) this.#resize(object, 0);
    this.#unseenShares.delete(space);
    for (const [key, object] of this.#known) this.#leave(key, object, space);
  }

  /**
   * Finds out which segments and memory files there still are; `processes` are those that may hold one. `learns`: files of the uid
   * that pays for such a process count from now on, though they have come without a call that was trapped.
   */
  sweep(processes: Iterable<AccountedProcess>, learns: boolean): void {
    if (this.any) this.#sweepSegments();
    if (learns || this.#files.size > 0) this.#sweepFiles(processes, learns);
  }

  #sweepSegments(): void {
    // Asked first: what is over has made its segment, or never will.
    const over = new Set(this.#unseenSegments.filter(({ call }) => call.isOver(this.#targets)));
    const there = this.#targets.segments();
    for (const segment of there) {
      const name = SEGMENT + segment.id;
      if (this.#known.has(name)) continue;
      const at = this.#unseenSegments.findIndex(
        ({ call, key, pages }) =>
          call.process.pid === segment.creator && key === segment.key && pages === segment.pages,
      );
      if (at >= 0) this.#know(name, this.#unseenSegments.splice(at, 1)[0]!);
    }
    const names = new Set(there.map(({ id }) => SEGMENT + id));
    for (const [name, object] of this.#known)
      if (name.startsWith(SEGMENT) && !names.has(name)) this.#drop(name, object);
    for (const object of this.#unseenSegments) if (over.has(object)) this.#resize(object, 0);
    this.#unseenSegments = this.#unseenSegments.filter((object) => !over.has(object));
  }

  #sweepFiles(processes: Iterable<AccountedProcess>, learns: boolean): void {
    const isGrowing = (object: SharedObject | undefined): boolean => object?.call?.isOver(this.#targets) === false;
    const growing = new Set([...this.#files].filter((key) => isGrowing(this.#known.get(key))));
    const there = new Map(this.#targets.namedMemoryFiles());
    for (const { pid, space } of processes) {
      for (const { key, owner, pages } of this.#targets.memoryFiles(pid)) {
        there.set(key, pages);
        const isNew = learns && pages > 0 && owner === space.payer.uid && !this.#known.has(key);
        if (isNew) this.growFile(key, space, pages);
      }
    }
    for (const key of this.#files) {
      const object = this.#known.get(key);
      const pages = there.get(key);
      if (!object) this.#files.delete(key);
      else if (pages !== undefined) {
        if (pages >= object.pages || !growing.has(key)) this.#resize(object, pages);
      } else if (object.spaces.size === 0) this.#drop(key, object);
    }
  }

  #leave(key: string, object: SharedObject, space: Space): void {
    if (!object.spaces.delete(space) || object.spaces.size > 0) return;
    if (!this.#files.has(key) && !key.startsWith(SEGMENT)) this.#drop(key, object);
  }

  /** An object that a process before this one has charged. */
  restore(key: string, payer: UidInfo, job: Job, pages: number): void {
    const object = new SharedObject(payer, job);
    this.#resize(object, pages);
    this.#know(key, object);
  }

  /** Lets go of anonymous memory that no map shows. */
  dropUnused(): void {
    for (const [key, object] of this.#known) {
      if (key.startsWith(ANONYMOUS) && object.spaces.size === 0) this.#drop(key, object);
    }
  }

  #know(key: string, object: SharedObject): void {
    this.#known.set(key, object);
    if (key.startsWith(FILE)) this.#files.add(key);
    const { payer, job, pages } = object;
    this.#recorder.put(OBJECT_RECORD + key, { payer: payer.uid, job: job.id, pages });
  }

  #drop(key: string, object: SharedObject): void {
    this.#resize(object, 0);
    this.#known.delete(key);
    this.#files.delete(key);
    this.#recorder.drop(OBJECT_RECORD + key);
  }

  #resize(object: SharedObject, pages: number): void {
    const more = pages - object.pages;
    if (more > 0) this.#ledger.force(more, object.payer);
    else this.#ledger.release(-more, object.payer);
    object.job.add(more);
    object.pages = pages;
  }
}
