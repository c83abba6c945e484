import { ForkGrant, type Grant, ObjectGrant, VforkGrant } from "./grant.ts";
import type { LimitCell } from "./limit.ts";
import type { Image, Targets } from "./ports.ts";
import type { AccountedProcess } from "./process.ts";
import { FORK_RECORD, forkRecord, type Recorder, UNSEEN_RECORD, unseenRecord } from "./records.ts";
import type { Space } from "./space.ts";

/**
 * What was allowed and has not been seen to be over: one grant a thread at most whose call may be under way, and those whose child or
 * object is still to be found. A grant is in here from its making to its end; whoever ends it gives back, or hands on, what it
 * has charged.
 */
export class Grants {
  readonly #targets: Targets;
  readonly #recorder: Recorder;
  /** By thread: its last call. */
  readonly #latest = new Map<number, Grant>();
  readonly #forks = new Set<ForkGrant>();
  readonly #vforks = new Set<VforkGrant>();
  /** Shared memory and segments that nobody has seen. */
  readonly #objects = new Set<ObjectGrant>();
  /** Names in the journal of grants that a successor has to know. */
  readonly #recorded = new Map<Grant, string>();
  #nextRecord = 1;

  constructor(targets: Targets, recorder: Recorder) {
    this.#targets = targets;
    this.#recorder = recorder;
  }

  /** Forks whose children have not been found, oldest first. */
  get forks(): ReadonlySet<ForkGrant> {
    return this.#forks;
  }

  get vforks(): ReadonlySet<VforkGrant> {
    return this.#vforks;
  }

  get objects(): ReadonlySet<ObjectGrant> {
    return this.#objects;
  }

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

  /** One that stands for all the processes that its caller does not wait for replaces the one before. */
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

  /** A process is found that has the memory of `lender`. Returns the loan by which it may have come: one that is waited for ends by itself. */
  endVfork(vforkParent: AccountedProcess): VforkGrant | undefined {
    const of = [...this.#vforks].filter(({ process }) => process === vforkParent);
    const vfork = of.find(({ waits }) => waits) ?? of[0];
    if (vfork) this.childFound(vfork);
    return vfork;
  }

  /** A process is found that came by this loan, which may be over. */
  childFound(vfork: VforkGrant): void {
    if (--vfork.expected === 0) this.close(vfork);
  }

  /** `lender` leaves its memory. Returns a loan by which somebody else may have it. */
  endVforks(vforkParent: AccountedProcess): VforkGrant | undefined {
    let found: VforkGrant | undefined;
    for (const vfork of this.#vforks) {
      if (vfork.process !== vforkParent) continue;
      this.close(vfork);
      found = vfork;
    }
    return found;
  }

  /** A fork that another thread is still in may copy what this one is about to map. */
  #markForksInexact({ space, tid }: Grant): void {
    for (const fork of this.#forks) {
      if (fork.space !== space || fork.tid === tid || this.#latest.get(fork.tid) !== fork) continue;
      fork.isInexact = true;
      fork.child.setBrkUnknown();
    }
  }

  /** Names up to this number are in use already: a process before this one has given them. */
  continueAfter(number: number): void {
    this.#nextRecord = Math.max(this.#nextRecord, number + 1);
  }

  #record(grant: Grant, prefix: string, record: Parameters<Recorder["put"]>[1]): void {
    const name = prefix + this.#nextRecord++;
    this.#recorded.set(grant, name);
    this.#recorder.put(name, record);
  }

  /** What `grant` has made is found, or will not come. False: that was known. */
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

  /** The thread makes another call: its last one is over. */
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

  /** Its call has happened, if nobody knows better. */
  #ends(grant: Grant): void {
    grant.finish?.();
    if (this.#isTaken(grant)) for (const fork of this.#forks) fork.mistaken.delete(grant);
  }

  /** The kernel did not carry out the last call of `tid`. Returns what that was granted. */
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

  /** One that is open still, whose child may have been taken for the one of `grant`. */
  #mistakenFor(grant: ForkGrant): ForkGrant | undefined {
    for (const fork of this.#forks) if (fork.mistaken.has(grant)) return fork;
    return undefined;
  }

  /** Whether the child of another fork was taken for the one of this. */
  #isTaken(grant: Grant): grant is ForkGrant {
    return grant instanceof ForkGrant && !this.#forks.has(grant);
  }

  /** The process is another program, or gone: its calls are over, and are taken to have happened. What its children have stays theirs. */
  forget(process: AccountedProcess): void {
    for (const grant of this.#latest.values()) {
      if (grant.process !== process) continue;
      this.#latest.delete(grant.tid);
      grant.returned();
      this.#ends(grant);
    }
  }

  /** Whoever is still to come by a call of `process` has this limit. */
  relimit(process: AccountedProcess, limit: LimitCell): void {
    for (const grant of [...this.#forks, ...this.#vforks]) if (grant.process === process) grant.limit = limit;
  }

  /** Calls that may still change the map of spaces that are `concerned`: how many, and the pages granted to them. */
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

  /** Whether something charged to one of these spaces may still turn out not to have happened. */
  isUnsettled(concerned: (space: Space) => boolean): boolean {
    for (const { child } of this.#forks) if (concerned(child)) return true;
    for (const grant of this.#latest.values()) {
      if (grant.kind.changes !== "processes" && concerned(grant.space) && !grant.isDone(this.#targets)) return true;
    }
    return false;
  }

  /**
   * Forks that may have made a process of this image, its parent's first. One whose parent has gone is a child of whoever takes care of
   * orphans, as is each child that such a process has made for its parent; one that hides its image is known by its parent alone.
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
   * The fork that made a process of this image and real uid, whose parent may be gone; after exec neither is the caller's
   * business any more. Which of several it was cannot be told: none of them is exact then, and it is the one that charges least, since
   * the others may still come to what they charge. To be closed by the caller, when the process is written down.
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
