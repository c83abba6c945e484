import { Charge } from "../charges/charge.ts";
import type { SwapLedger } from "../charges/swap-ledger.ts";
import type { UidInfo } from "../charges/uidinfo.ts";
import type { Job } from "../space/job.ts";
import type { Segment, Targets, Vma } from "../space/ports.ts";
import type { AccountedProcess } from "../space/process.ts";
import type { Space } from "../space/space.ts";
import type { Grant, ObjectGrant } from "./grant.ts";
import type { Grants } from "./grants.ts";
import { OBJECT_RECORD, type Recorder } from "./records.ts";

/** Memory that processes share, charged once to its creator: anonymous memory, a System V segment, a memory file. */
export class SharedObject {
  /** Its only charge, held until {@link resize} to 0. */
  readonly charge: Charge;
  readonly job: Job;
  /** Granted calls that may still resize it: until they are done the size that is read may be the one before. */
  readonly #resizes = new Set<Grant>();
  /** The spaces that map it. Anonymous memory lives only as long as there is one. */
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

  /** Charges this many pages in all. */
  resize(pages: number): void {
    this.charge.grow(pages - this.charge.pages);
  }

  /** The call of `grant` is about to resize it. */
  resizes(grant: Grant): void {
    this.#resizes.add(grant);
  }

  /** Whether a granted call may still resize it. */
  isResizing(targets: Targets): boolean {
    for (const grant of this.#resizes) if (grant.isDone(targets)) this.#resizes.delete(grant);
    return this.#resizes.size > 0;
  }

  /** The kernel did not carry out the call of `grant`. Whether its charge can be given back: no other resizing call relies on it. */
  cancels(grant: Grant): boolean {
    this.#resizes.delete(grant);
    return this.#resizes.size === 0;
  }
}

/** One charged object, for listings. */
export interface SharedCharge {
  /** Its name; `new` for an object that no map has shown. */
  readonly name: string;
  readonly uid: number;
  readonly pages: number;
  readonly charge: Charge;
}

/** The beginnings of names: anonymous memory, a System V segment, a memory file. */
export const ANONYMOUS = "zero ";
export const SEGMENT = "sysv ";
export const FILE = "file ";

/**
 * All charged shared memory: objects known by name, from a map or the list of segments, and objects that were granted and not seen. It owns
 * the known objects and their journal records; `Grants` owns the others.
 */
export class SharedObjects {
  readonly #ledger: SwapLedger;
  readonly #targets: Targets;
  readonly #recorder: Recorder;
  readonly #grants: Grants;
  /** By name. */
  readonly #known = new Map<string, SharedObject>();
  /** The names of the known memory files. */
  readonly #files = new Set<string>();

  constructor(ledger: SwapLedger, targets: Targets, grants: Grants, recorder: Recorder) {
    this.#recorder = recorder;
    this.#ledger = ledger;
    this.#targets = targets;
    this.#grants = grants;
  }

  /** Whether there is an object that {@link sweep} could find to be gone. */
  get any(): boolean {
    return this.#known.size > 0 || this.#grants.objects.size > 0;
  }

  *[Symbol.iterator](): IterableIterator<SharedCharge> {
    const each = (name: string, { payer, pages, charge }: SharedObject) => ({ name, uid: payer.uid, pages, charge });
    for (const [name, object] of this.#known) yield each(name, object);
    for (const { object } of this.#grants.objects) yield each("new", object);
  }

  /** A new object that `space` is about to create, charged to the payer of that space. */
  charge({ payer, job }: Pick<Space, "payer" | "job">, pages: number): SharedObject {
    const object = new SharedObject(this.#ledger, payer, job);
    object.resize(pages);
    return object;
  }

  /** The object of this grant does not exist: closes the grant and gives its charge back. */
  giveUp(grant: ObjectGrant): void {
    if (this.#grants.close(grant)) grant.object.resize(0);
  }

  /** The open grants of anonymous memory that the map of `space` has to show, oldest first. */
  #unseen(space: Space): ObjectGrant[] {
    return [...this.#grants.objects].filter((grant) => grant.key === undefined && grant.holder === space);
  }

  /** Whether anonymous shared memory was granted that the map of `space` has not shown. */
  hasUnseen(space: Space): boolean {
    return this.#grants.objects.size > 0 && this.#unseen(space).length > 0;
  }

  /** The pages that shmget with this key and size would add: 0 where the key has a segment. */
  segmentNeed(key: number, pages: number): number {
    return key !== 0 && this.#targets.segments().some((segment) => segment.key === key) ? 0 : pages;
  }

  /** The pages that a memory file would add if it had `pages`. */
  fileNeed(key: string, pages: number): number {
    return Math.max(0, pages - (this.#known.get(key)?.pages ?? 0));
  }

  /** A memory file is to have `pages` by the call of `grant`, or has them already where there is no grant. Charges the difference. */
  growFile(key: string, { payer, job }: Space, pages: number, grant?: Grant): void {
    const known = this.#known.get(key);
    // A known file without pages belongs to nobody: whoever makes it grow pays.
    const object = known && known.pages > 0 ? known : new SharedObject(this.#ledger, payer, job);
    for (const space of known?.spaces ?? []) object.spaces.add(space);
    if (pages > object.pages) object.resize(pages);
    // Forgets the resizing calls that are done.
    object.isResizing(this.#targets);
    if (grant) object.resizes(grant);
    this.#know(key, object);
  }

  /** The kernel did not carry out the call of `grant`, which had charged a file with `pages` more. */
  stopGrowing(key: string, pages: number, grant: Grant): void {
    const object = this.#known.get(key);
    if (object?.cancels(grant)) object.resize(Math.max(0, object.pages - pages));
  }

  /** A forked child maps the objects that its parent maps. */
  inherit(parent: Space, child: Space): void {
    for (const object of this.#known.values()) if (object.spaces.has(parent)) object.spaces.add(child);
  }

  /**
   * Takes over what the map of `space` shows: names new objects, ends grants, and gives back anonymous memory that is not mapped any more.
   * `settled`: no call of the space is under way, so a grant that the map does not show has come to nothing.
   */
  seen(space: Space, vmas: readonly Vma[], settled: boolean): void {
    const mapped = new Map<string, number>();
    for (const { object, objectPages } of vmas) {
      if (object !== undefined) mapped.set(object, Math.max(mapped.get(object) ?? 0, objectPages));
    }
    const unseen = this.#unseen(space);
    for (const [key, pages] of mapped) {
      let object = this.#known.get(key);
      if (!object) {
        // A segment or file that no granted call has created belongs to a process without accounting.
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

  /** Picks the grant of an object that a map shows with `pages`: one of that size, else the oldest. Removes it from `unseen`. */
  #claim(unseen: ObjectGrant[], pages: number): ObjectGrant | undefined {
    const same = unseen.findIndex(({ object }) => object.pages === pages);
    return unseen.splice(Math.max(0, same), 1)[0];
  }

  /** The last process has left `space`. */
  left(space: Space): void {
    for (const grant of this.#unseen(space)) {
      // A fork that was under way at the same time may have created a child that maps it.
      const fork = [...this.#grants.forks].find((each) => each.space === space && each.isInexact);
      if (fork) grant.holder = fork.child;
      else this.giveUp(grant);
    }
    for (const [key, object] of this.#known) this.#leave(key, object, space);
  }

  /**
   * Finds out which segments and memory files still exist, and their sizes. `processes` are the accounted ones, which may have files open.
   * `learns`: a memory file of theirs that no trapped call has created is charged from now on, if it belongs to the payer of the process.
   */
  sweep(processes: Iterable<AccountedProcess>, learns: boolean): void {
    if (this.any) this.#sweepSegments();
    if (learns || this.#files.size > 0) this.#sweepFiles(processes, learns);
  }

  #sweepSegments(): void {
    const unseen = [...this.#grants.objects].filter(({ key }) => key !== undefined);
    // Asked before the list is read: a call that is done has created its segment, or never will.
    const done = new Set(unseen.filter((grant) => grant.isDone(this.#targets)));
    const there = this.#targets.segments();
    for (const segment of there) {
      const name = SEGMENT + segment.id;
      if (this.#known.has(name)) continue;
      // A segment that was removed while a process has it attached has the key 0.
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

  /** `space` does not map the object any more. Anonymous memory that nobody maps is gone; segments and files have names. */
  #leave(key: string, object: SharedObject, space: Space): void {
    if (!object.spaces.delete(space) || object.spaces.size > 0) return;
    if (!this.#files.has(key) && !key.startsWith(SEGMENT)) this.#drop(key, object);
  }

  /** Takes over an object of a journal record. */
  restore(key: string, payer: UidInfo, job: Job, pages: number): void {
    const object = new SharedObject(this.#ledger, payer, job);
    object.resize(pages);
    this.#know(key, object);
  }

  /** Takes over a granted segment of a journal record, if the call has created it. */
  restoreSegment(key: number, creator: number, pages: number, payer: UidInfo, job: Job): void {
    const isOf = (segment: Segment): boolean =>
      segment.creator === creator && segment.pages === pages && (segment.key === key || segment.key === 0);
    const found = this.#targets.segments().find((each) => isOf(each) && !this.#known.has(SEGMENT + each.id));
    if (found) this.restore(SEGMENT + found.id, payer, job, pages);
  }

  /** Drops anonymous memory that no map shows: to be called when all maps have been read. */
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
