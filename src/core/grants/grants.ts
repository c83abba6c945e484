import type { LimitCell } from "../space/limit.ts";
import type { Image, Targets } from "../space/ports.ts";
import type { AccountedProcess } from "../space/process.ts";
import type { Space } from "../space/space.ts";
import { ForkGrant, type Grant, ObjectGrant, VforkGrant } from "./grant.ts";
import { FORK_RECORD, forkRecord, type Recorder, UNSEEN_RECORD, unseenRecord } from "./records.ts";

/**
 * The open grants: for each thread at most one whose call may be under way, and those whose child or object has not been found. A grant is
 * in here from {@link open} to its end. Whoever ends a grant releases its charge or hands it to the process or object that was found.
 */
export class Grants {
  readonly #targets: Targets;
  readonly #recorder: Recorder;
  /** By thread id: the grant of its last call, until that call is known to be over. */
  readonly #latest = new Map<number, Grant>();
  readonly #forks = new Set<ForkGrant>();
  readonly #vforks = new Set<VforkGrant>();
  /** Shared memory and segments that no map and no list has shown. */
  readonly #objects = new Set<ObjectGrant>();
  /** The journal keys of the open forks and objects. */
  readonly #recorded = new Map<Grant, string>();
  #nextRecord = 1;

  constructor(targets: Targets, recorder: Recorder) {
    this.#targets = targets;
    this.#recorder = recorder;
  }

  /** Forks whose child has not been found, oldest first. */
  get forks(): ReadonlySet<ForkGrant> {
    return this.#forks;
  }

  /** Calls by which unknown processes may share the caller's address space, oldest first. */
  get vforks(): ReadonlySet<VforkGrant> {
    return this.#vforks;
  }

  /** Shared memory and segments that no map and no list has shown, oldest first. */
  get objects(): ReadonlySet<ObjectGrant> {
    return this.#objects;
  }

  /** Takes over a grant whose call is about to go on. Forks and objects get a journal record. */
  open(grant: Grant): void {
    this.#latest.set(grant.tid, grant);
    if (grant.kind.changes === "map" && this.#forks.size > 0) this.#markForksInexact(grant);
    if (!grant.isListed) return;
    if (grant instanceof ForkGrant) {
      this.#forks.add(grant);
      this.#record(grant, FORK_RECORD, forkRecord(grant));
    } else if (grant instanceof VforkGrant) this.#openVfork(grant);
    else if (grant instanceof ObjectGrant) {
      this.#objects.add(grant);
      this.#record(grant, UNSEEN_RECORD, unseenRecord(grant));
    }
  }

  /** All CLONE_VM calls of one process that do not wait are one grant: a new one replaces the last and takes its count over. */
  #openVfork(grant: VforkGrant): void {
    if (!grant.waits) {
      for (const other of this.#vforks) {
        if (other.process !== grant.process || other.waits) continue;
        grant.expected += other.expected;
        this.#vforks.delete(other);
      }
    }
    this.#vforks.add(grant);
  }

  /**
   * A process was found that shares the memory of `vforkParent`. Returns the grant by which it may have been created; prefers one that
   * waits.
   */
  endVfork(vforkParent: AccountedProcess): VforkGrant | undefined {
    const of = [...this.#vforks].filter(({ process }) => process === vforkParent);
    const vfork = of.find(({ waits }) => waits) ?? of[0];
    if (vfork) this.childFound(vfork);
    return vfork;
  }

  /** A child of this call was found. Closes the grant when it was the last one expected. */
  childFound(vfork: VforkGrant): void {
    if (--vfork.expected === 0) this.close(vfork);
  }

  /**
   * `vforkParent` leaves its address space. Closes its vfork grants; returns one, by which an unknown process may still have that space.
   */
  endVforks(vforkParent: AccountedProcess): VforkGrant | undefined {
    let found: VforkGrant | undefined;
    for (const vfork of this.#vforks) {
      if (vfork.process !== vforkParent) continue;
      this.close(vfork);
      found = vfork;
    }
    return found;
  }

  /** A fork of another thread of the space that is still under way may copy what `grant` is about to map: its child has to be read. */
  #markForksInexact({ space, tid }: Grant): void {
    for (const fork of this.#forks) {
      if (fork.space !== space || fork.tid === tid || this.#latest.get(fork.tid) !== fork) continue;
      fork.isInexact = true;
      fork.child.heap.setEndUnknown();
    }
  }

  /** Journal keys up to this number are in use: the daemon before this one has written them. */
  continueAfter(number: number): void {
    this.#nextRecord = Math.max(this.#nextRecord, number + 1);
  }

  #record(grant: Grant, prefix: string, record: Parameters<Recorder["put"]>[1]): void {
    const name = prefix + this.#nextRecord++;
    this.#recorded.set(grant, name);
    this.#recorder.put(name, record);
  }

  /** What the call of `grant` creates was found, or will not come: the grant and its journal record end. False: it was closed before. */
  close(grant: Grant): boolean {
    const name = this.#recorded.get(grant);
    if (name !== undefined) {
      this.#recorded.delete(grant);
      this.#recorder.drop(name);
    }
    if (grant instanceof ForkGrant) return this.#forks.delete(grant);
    if (grant instanceof VforkGrant) return this.#vforks.delete(grant);
    return grant instanceof ObjectGrant && this.#objects.delete(grant);
  }

  /** Thread `tid` makes another call, so its last one is over. */
  returned(tid: number): void {
    const grant = this.#latest.get(tid);
    if (!grant) return;
    this.#latest.delete(tid);
    grant.returned();
    this.#finish(grant);
  }

  #finish(grant: Grant): void {
    this.#ends(grant);
    if (grant.isListed && !grant.isAwaited) this.close(grant);
  }

  /** The call is taken to have happened. */
  #ends(grant: Grant): void {
    grant.finish?.();
    if (this.#isTaken(grant)) for (const fork of this.#forks) fork.mistaken.delete(grant);
  }

  /**
   * The kernel did not carry out the last call of thread `tid`: takes its charge back. Where the child of another fork was taken for that
   * of this call, it is the other fork's grant that is left, and that is taken back. Returns the grant of the call.
   */
  cancelled(tid: number): Grant | undefined {
    const grant = this.#latest.get(tid);
    if (!grant) return undefined;
    this.#latest.delete(tid);
    grant.returned();
    const undone = this.#isTaken(grant) ? this.#mistakenFor(grant) : grant;
    undone?.cancel();
    if (undone) this.close(undone);
    return grant;
  }

  /** An open fork whose child may have been taken for the child of `grant`. */
  #mistakenFor(grant: ForkGrant): ForkGrant | undefined {
    for (const fork of this.#forks) if (fork.mistaken.has(grant)) return fork;
    return undefined;
  }

  /** Whether `grant` is a fork that was closed while its call may be under way: a child was found that may as well be another fork's. */
  #isTaken(grant: Grant): grant is ForkGrant {
    return grant instanceof ForkGrant && !this.#forks.has(grant);
  }

  /** The process has executed another program or exited: its calls are taken to have happened. Grants of unfound children stay open. */
  forget(process: AccountedProcess): void {
    for (const grant of this.#latest.values()) {
      if (grant.process !== process) continue;
      this.#latest.delete(grant.tid);
      grant.returned();
      this.#ends(grant);
    }
  }

  /** Children that open calls of `process` create are held to this limit. */
  relimit(process: AccountedProcess, limit: LimitCell): void {
    for (const grant of [...this.#forks, ...this.#vforks]) if (grant.process === process) grant.limit = limit;
  }

  /** The calls under way that may still change the map of a `concerned` space: how many, and how many pages they may add. */
  underway(concerned: (space: Space) => boolean): { readonly calls: number; readonly pages: number } {
    let calls = 0;
    let pages = 0;
    for (const grant of this.#latest.values()) {
      if (grant.kind.changes !== "map" || !concerned(grant.space)) continue;
      if (grant.isDone(this.#targets)) {
        this.#latest.delete(grant.tid);
        this.#finish(grant);
      } else {
        calls++;
        pages += grant.pagesNow;
      }
    }
    return { calls, pages };
  }

  /** Whether a call that charged a `concerned` space is open: its charge may still be given back. */
  isUnsettled(concerned: (space: Space) => boolean): boolean {
    for (const { child } of this.#forks) if (concerned(child)) return true;
    for (const grant of this.#latest.values()) {
      if (grant.kind.changes !== "processes" && concerned(grant.space) && !grant.isDone(this.#targets)) return true;
    }
    return false;
  }

  /**
   * The open forks that may have created a process of this image. Those of its parent come first. A process whose parent has exited has
   * become a child of a reaper (init, a subreaper): then forks count whose parent is gone. An image that is hidden (the process is not
   * readable) says nothing: then only forks of the parent itself count.
   */
  forksAlike({ layout, isHidden, ppid }: Image): readonly ForkGrant[] {
    if (this.#forks.size === 0) return [];
    const alike = [...this.#forks].filter((fork) => fork.layout === layout || (isHidden && fork.process.pid === ppid));
    const ofParent = alike.filter((fork) => fork.ppid === ppid);
    if (ofParent.some(({ process }) => process.pid === ppid)) return ofParent;
    const isThere = new Map<number, boolean>();
    for (const fork of alike) {
      if (fork.ppid !== ppid && !isThere.has(fork.ppid)) isThere.set(fork.ppid, !!this.#targets.ids(fork.ppid));
    }
    const orphans = alike.filter((fork) => isThere.get(fork.ppid) === false);
    const likely = [...ofParent, ...orphans];
    return likely.length > 0 ? likely : alike;
  }

  /**
   * The fork that created a process of this image, whose real uid `ruid` tells. Which one of several that are alike cannot be told. Then
   * the result is the one that charges least, since the children of the others may still need what those charge; the others are marked
   * inexact and mistaken. The caller closes the result once the process has its journal record.
   */
  forkOf(image: Image, ruid: () => number | undefined): ForkGrant | undefined {
    const candidates = this.forksAlike(image);
    let [found] = candidates;
    if (!found) return undefined;
    if (candidates.length > 1) {
      const { payer, pages } = found.child;
      const uid = candidates.some(({ child }) => child.payer !== payer) ? ruid() : payer.uid;
      const likely = candidates.filter(({ child }) => child.payer.uid === uid);
      for (const fork of likely) {
        if (found.child.payer.uid !== uid || fork.child.pages < found.child.pages) found = fork;
      }
      if (candidates.some(({ child }) => child.pages !== pages)) for (const fork of candidates) fork.isInexact = true;
    }
    const underway = [found, ...found.mistaken].filter((fork) => this.#latest.get(fork.tid) === fork);
    for (const fork of candidates) if (fork !== found) for (const other of underway) fork.mistaken.add(other);
    return found;
  }
}
