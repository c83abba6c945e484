import { Charge } from "../charges/charge.ts";
import type { SwapLedger } from "../charges/swap-ledger.ts";
import type { UidInfo } from "../charges/uidinfo.ts";
import type { Grant, ObjectGrant } from "./grant.ts";
import type { Grants } from "./grants.ts";
import type { Job } from "./job.ts";
import type { Segment, Targets, Vma } from "./ports.ts";
import type { AccountedProcess } from "./process.ts";
import { OBJECT_RECORD, type Recorder } from "./records.ts";
import type { Space } from "./space.ts";

/** Memory that processes share, charged once to whoever made it: anonymous, System V, a memory file. */
export class SharedObject {
  readonly charge: Charge;
  readonly job: Job;
  /** Calls that were allowed to resize it: what is seen before they are done may be the size it had. */
  readonly #resizes = new Set<Grant>();
  /** Who maps it; all that keeps anonymous memory alive. */
  readonly spaces: Set<Space> = new Set();

  constructor(ledger: SwapLedger, payer: UidInfo, job: Job) {
    this.charge = new Charge(ledger, payer, job);
    this.job = job;
  }

  get payer(): UidInfo {
    return this.charge.payer;
  }

  get pages(): number {
    return this.charge.pages;
  }

  resize(pages: number): void {
    this.charge.grow(pages - this.charge.pages);
  }

  resizes(grant: Grant): void {
    this.#resizes.add(grant);
  }

  /** Whether a call may still resize it. */
  isResizing(targets: Targets): boolean {
    for (const grant of this.#resizes) if (grant.isDone(targets)) this.#resizes.delete(grant);
    return this.#resizes.size > 0;
  }

  /** The kernel has not carried out `grant`. Whether no other call relies on what was charged for that. */
  cancels(grant: Grant): boolean {
    this.#resizes.delete(grant);
    return this.#resizes.size === 0;
  }
}

export interface SharedCharge {
  readonly name: string;
  readonly uid: number;
  readonly pages: number;
  readonly charge: Charge;
}

/** How an object's name begins: anonymous, a System V segment, a memory file. */
export const ANONYMOUS = "zero ";
export const SEGMENT = "sysv ";
export const FILE = "file ";

/** All shared memory that is charged: what is known by a name, and what was granted and has not been seen. */
export class SharedObjects {
  readonly #ledger: SwapLedger;
  readonly #targets: Targets;
  readonly #recorder: Recorder;
  readonly #grants: Grants;
  readonly #known = new Map<string, SharedObject>();
  readonly #files = new Set<string>();

  constructor(ledger: SwapLedger, targets: Targets, grants: Grants, recorder: Recorder) {
    this.#recorder = recorder;
    this.#ledger = ledger;
    this.#targets = targets;
    this.#grants = grants;
  }

  /** Whether there is anything that {@link sweep} could find to be gone. */
  get any(): boolean {
    return this.#known.size > 0 || this.#grants.objects.size > 0;
  }

  *[Symbol.iterator](): IterableIterator<SharedCharge> {
    const each = (name: string, { payer, pages, charge }: SharedObject) => ({ name, uid: payer.uid, pages, charge });
    for (const [name, object] of this.#known) yield each(name, object);
    for (const { object } of this.#grants.objects) yield each("new", object);
  }

  /** An object that `space` is about to make, charged to who pays for that. */
  charge({ payer, job }: Pick<Space, "payer" | "job">, pages: number): SharedObject {
    const object = new SharedObject(this.#ledger, payer, job);
    object.resize(pages);
    return object;
  }

  /** What was granted does not come. */
  giveUp(grant: ObjectGrant): void {
    if (this.#grants.close(grant)) grant.object.resize(0);
  }

  /** Anonymous memory that was granted to `space` and that no map has shown, oldest first. */
  #unseen(space: Space): ObjectGrant[] {
    return [...this.#grants.objects].filter((grant) => grant.key === undefined && grant.holder === space);
  }

  hasUnseen(space: Space): boolean {
    return this.#grants.objects.size > 0 && this.#unseen(space).length > 0;
  }

  /** What a segment of this key and size would add: nothing when there is one. */
  segmentNeed(key: number, pages: number): number {
    return key !== 0 && this.#targets.segments().some((segment) => segment.key === key) ? 0 : pages;
  }

  /** What a memory file of that size would add. */
  fileNeed(key: string, pages: number): number {
    return Math.max(0, pages - (this.#known.get(key)?.pages ?? 0));
  }

  /** A file is to be that large, by `grant`; without one it is already. */
  growFile(key: string, { payer, job }: Space, pages: number, grant?: Grant): void {
    const known = this.#known.get(key);
    // One that has come to nothing, or is empty again, is as good as new.
    const object = known && known.pages > 0 ? known : new SharedObject(this.#ledger, payer, job);
    for (const space of known?.spaces ?? []) object.spaces.add(space);
    if (pages > object.pages) object.resize(pages);
    // Those that are over need not be remembered.
    object.isResizing(this.#targets);
    if (grant) object.resizes(grant);
    this.#know(key, object);
  }

  /** A file that was allowed by `grant` to grow by so many pages stays as it was. */
  stopGrowing(key: string, pages: number, grant: Grant): void {
    const object = this.#known.get(key);
    if (object?.cancels(grant)) object.resize(Math.max(0, object.pages - pages));
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
    const unseen = this.#unseen(space);
    for (const [key, pages] of mapped) {
      let object = this.#known.get(key);
      if (!object) {
        // Whatever else it is was made by somebody we do not watch.
        if (!key.startsWith(ANONYMOUS)) continue;
        const grant = this.#claim(unseen, pages);
        object = grant?.object ?? this.charge(space, pages);
        this.#know(key, object);
        if (grant) this.#grants.close(grant);
      }
      object.spaces.add(space);
    }
    if (settled) for (const grant of unseen) this.giveUp(grant);
    for (const [key, object] of this.#known) if (!mapped.has(key)) this.#leave(key, object, space);
  }

  /** Of what a space was granted the object that has been seen: one of that size, else the oldest. Taken out of `unseen`. */
  #claim(unseen: ObjectGrant[], pages: number): ObjectGrant | undefined {
    const same = unseen.findIndex(({ object }) => object.pages === pages);
    return unseen.splice(Math.max(0, same), 1)[0];
  }

  /** `space` is gone. */
  left(space: Space): void {
    for (const grant of this.#unseen(space)) {
      // A fork that was under way with it may have made a child that maps it.
      const fork = [...this.#grants.forks].find((each) => each.space === space && each.isInexact);
      if (fork) grant.holder = fork.child;
      else this.giveUp(grant);
    }
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
    const unseen = [...this.#grants.objects].filter(({ key }) => key !== undefined);
    // Asked first: what is done has made its segment, or never will.
    const done = new Set(unseen.filter((grant) => grant.isDone(this.#targets)));
    const there = this.#targets.segments();
    for (const segment of there) {
      const name = SEGMENT + segment.id;
      if (this.#known.has(name)) continue;
      // One that is removed while somebody has it attached has lost its key.
      const isOf = ({ process, key, object }: ObjectGrant): boolean =>
        process.pid === segment.creator && (key === segment.key || segment.key === 0) && object.pages === segment.pages;
      const found = unseen.find((grant) => this.#grants.objects.has(grant) && isOf(grant));
      if (!found) continue;
      this.#know(name, found.object);
      this.#grants.close(found);
    }
    const names = new Set(there.map(({ id }) => SEGMENT + id));
    for (const [name, object] of this.#known)
      if (name.startsWith(SEGMENT) && !names.has(name)) this.#drop(name, object);
    for (const grant of done) this.giveUp(grant);
  }

  #sweepFiles(processes: Iterable<AccountedProcess>, learns: boolean): void {
    const growing = new Set([...this.#files].filter((key) => this.#known.get(key)?.isResizing(this.#targets)));
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
        if (pages >= object.pages || !growing.has(key)) object.resize(pages);
      } else if (object.spaces.size === 0) this.#drop(key, object);
    }
  }

  #leave(key: string, object: SharedObject, space: Space): void {
    if (!object.spaces.delete(space) || object.spaces.size > 0) return;
    if (!this.#files.has(key) && !key.startsWith(SEGMENT)) this.#drop(key, object);
  }

  /** An object that a process before this one has charged. */
  restore(key: string, payer: UidInfo, job: Job, pages: number): void {
    const object = new SharedObject(this.#ledger, payer, job);
    object.resize(pages);
    this.#know(key, object);
  }

  /** A segment that was granted in another life of the daemon, if it was made. */
  restoreSegment(key: number, creator: number, pages: number, payer: UidInfo, job: Job): void {
    const isOf = (segment: Segment): boolean =>
      segment.creator === creator && segment.pages === pages && (segment.key === key || segment.key === 0);
    const found = this.#targets.segments().find((each) => isOf(each) && !this.#known.has(SEGMENT + each.id));
    if (found) this.restore(SEGMENT + found.id, payer, job, pages);
  }

  /** Gives back anonymous memory that no map shows. */
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
    object.resize(0);
    this.#known.delete(key);
    this.#files.delete(key);
    this.#recorder.drop(OBJECT_RECORD + key);
  }
}
