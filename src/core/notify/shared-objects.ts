import type { SwapLedger } from "../vm/swap-ledger.ts";
import type { UidInfo } from "../vm/uidinfo.ts";
import type { Job } from "./job.ts";
import type { TrappedCall } from "./notification.ts";
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
  /** Who was let go to make it grow, last. */
  grower: Grower | undefined;
  /** Who maps it; all that keeps anonymous memory alive. */
  readonly spaces: Set<Space> = new Set();

  constructor(payer: UidInfo, job: Job) {
    this.payer = payer;
    this.job = job;
  }
}

interface Grower {
  readonly process: AccountedProcess;
  readonly call: TrappedCall;
}

/** Granted, and not seen yet. */
interface Unseen extends SharedObject {
  /** For a segment: who made it, which thread by which call and key. */
  readonly creator: number;
  readonly tid: number;
  readonly number: number;
  readonly key: number;
  /** The thread has made another call since. */
  returned: boolean;
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
  /** By thread, the file that it was let go to make grow. */
  readonly #growing = new Map<number, SharedObject>();
  readonly #unseenShares = new Map<Space, SharedObject[]>();
  readonly #unseenSegments: Unseen[] = [];

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

  makeSegment({ pid, space }: AccountedProcess, { tid, number }: TrappedCall, { key, pages }: SegmentOperation): void {
    const of = { creator: pid, tid, number, key, returned: false };
    const object: Unseen = Object.assign(new SharedObject(space.payer, space.job), of);
    this.#resize(object, pages);
    this.#unseenSegments.push(object);
  }

  /** A thread makes another call: what it was to make is there, or will not be. */
  returned(tid: number): void {
    const file = this.#growing.get(tid);
    if (file) file.grower = undefined;
    this.#growing.delete(tid);
    for (const object of this.#unseenSegments) if (object.tid === tid) object.returned = true;
  }

  /** What a memory file of that size would add. */
  fileNeed(key: string, pages: number): number {
    return Math.max(0, pages - (this.#known.get(key)?.pages ?? 0));
  }

  growFile(key: string, space: Space, pages: number, by?: Grower): void {
    const object = this.#known.get(key) ?? new SharedObject(space.payer, space.job);
    if (pages > object.pages) this.#resize(object, pages);
    object.grower = by;
    if (by) this.#growing.set(by.call.tid, object);
    this.#know(key, object);
  }

  /** Memory files that a process has open, of the uid that pays for it, and that have come without a call that was trapped. */
  learn({ pid, space }: AccountedProcess): void {
    for (const { key, owner, pages } of this.#targets.memoryFiles(pid)) {
      if (pages > 0 && owner === space.payer.uid && !this.#known.has(key)) this.growFile(key, space, pages);
    }
  }

  /** Whether a file is to grow, and may not have done so. */
  #isGrowing({ grower }: SharedObject): boolean {
    if (!grower) return false;
    const { process, call } = grower;
    const progress = this.#targets.progress(process.pid, call.tid);
    return progress !== undefined && (progress.running || progress.call === call.number);
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

  /** Finds out which segments and memory files there still are; `pids` are the processes that may hold one. */
  sweep(pids: Iterable<number>): void {
    if (!this.any) return;
    this.#sweepSegments();
    if (this.#files.size > 0) this.#sweepFiles(pids);
  }

  #sweepSegments(): void {
    const there = this.#targets.segments();
    for (const segment of there) {
      const name = SEGMENT + segment.id;
      if (this.#known.has(name)) continue;
      const at = this.#unseenSegments.findIndex(
        ({ creator, key, pages }) => creator === segment.creator && key === segment.key && pages === segment.pages,
      );
      if (at >= 0) this.#know(name, this.#unseenSegments.splice(at, 1)[0]!);
    }
    const names = new Set(there.map(({ id }) => SEGMENT + id));
    for (const [name, object] of this.#known)
      if (name.startsWith(SEGMENT) && !names.has(name)) this.#drop(name, object);
    // What has not come by now did not come to be: its maker has gone on, or is no more.
    for (const object of this.#unseenSegments.splice(0)) {
      const { creator, tid, returned } = object;
      const progress = returned ? undefined : this.#targets.progress(creator, tid);
      if (progress && (progress.running || progress.call === object.number)) this.#unseenSegments.push(object);
      else this.#resize(object, 0);
    }
  }

  #sweepFiles(pids: Iterable<number>): void {
    const there = new Map(this.#targets.namedMemoryFiles());
    for (const pid of pids) for (const { key, pages } of this.#targets.memoryFiles(pid)) there.set(key, pages);
    for (const key of this.#files) {
      const object = this.#known.get(key);
      const pages = there.get(key);
      if (!object) this.#files.delete(key);
      else if (pages !== undefined) {
        if (pages >= object.pages || !this.#isGrowing(object)) this.#resize(object, pages);
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
