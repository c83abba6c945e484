import type { AccountsState } from "./accounts-state.ts";
import { type Expected, ExpectedPrograms, expectedOf } from "./expected.ts";
import type { ForkGrant, VforkGrant } from "./grant.ts";
import { type Inheritance, inheritanceOf } from "./inheritance.ts";
import type { Job } from "./job.ts";
import { registerRemainingSharers, registerVforkChildren, type SharerSearch } from "./memory-sharers.ts";
import type { Population } from "./population.ts";
import type { Image } from "./ports.ts";
import type { AccountedProcess } from "./process.ts";
import { Space } from "./space.ts";
import { registerUnread } from "./unread-program.ts";

/** Processes that are left to be found later before they are looked for all the same. */
const POSTPONED = 256;

/** Finds processes that came under the filter without being announced: forked, vforked, or of an unknown parent. */
export class Arrivals {
  readonly #state: AccountsState;
  readonly #population: Population;
  readonly #postponed: ExpectedPrograms;
  /** Known ones that were allowed to exec a moment ago. */
  readonly #execing = new Set<AccountedProcess>();
  readonly #collectExits: () => void;

  /** `collectExits` has all exits told that have happened: whoever wants to know who is there cannot wait for that. */
  constructor(state: AccountsState, population: Population, collectExits: () => void) {
    this.#state = state;
    this.#population = population;
    this.#postponed = new ExpectedPrograms(state.recorder);
    this.#collectExits = collectExits;
  }

  /** A process has left its memory, which somebody else may have. */
  left(process: AccountedProcess): void {
    this.#postponed.settle(process);
    const vfork = this.#state.grants.endVforks(process);
    if (vfork) registerRemainingSharers(process, vfork.limit, this.#search);
  }

  #knows(pid: number): boolean {
    return this.#population.find(pid) !== undefined;
  }

  /** Whether somebody is known to be there, or to come, who has not been found. */
  get hasPending(): boolean {
    return this.#state.grants.forks.size > 0 || this.#postponed.size > 0 || this.#execing.size > 0;
  }

  /** What those inherit who are known to come as another program. */
  get expected(): Iterable<readonly [pid: number, Inheritance]> {
    return this.#postponed;
  }

  /** A process is still there a while after it came: it is written down, if it has not been. */
  stays(process: AccountedProcess): void {
    this.#postponed.settle(process, () => this.#population.record(process));
  }

  /** A process is allowed to exec. */
  execs(process: AccountedProcess, tid: number): void {
    this.stays(process);
    this.#population.execs(process, tid);
    this.#execing.add(process);
  }

  /**
   * Whether a thread that calls exec can be found later, as another program: it leads a process nobody knows, and nobody has
   * forked, so that it has its parent's memory and nothing of its own.
   */
  postpone(tid: number, job: Job): boolean {
    if (this.#state.grants.forks.size > 0 || this.#knows(tid) || !this.#state.targets.isProcess(tid)) return false;
    if (this.#postponed.size >= POSTPONED) this.findPending();
    const { size } = this.#state.grants.vforks;
    const vfork = this.#vforkOf(tid);
    // One whose lender has ended is found by that.
    if (size > 0 && !vfork) return false;
    this.#postponed.add(tid, vfork ? expectedOf(vfork) : { job, limit: job.limit });
    return true;
  }

  /** By which a process execs in memory it was lent: its parent may be gone when it is found. */
  #vforkOf(pid: number): VforkGrant | undefined {
    const { targets, grants } = this.#state;
    const [only, another] = grants.vforks;
    if (!another) return only && targets.hasLeft(only.process.pid, only.tid, pid) ? undefined : only;
    const ppid = targets.image(pid)?.ppid;
    for (const vfork of grants.vforks) if (vfork.process.pid === ppid) return vfork;
    return undefined;
  }

  /** A process that a daemon before this one has written down. */
  expect(pid: number, from: Inheritance): void {
    this.#postponed.add(pid, { ...from, isRestored: true });
  }

  /** Whose thread that is. A process not seen before comes into `job`, unless its parent is known. Undefined: gone. */
  ofThread(tid: number, job: Job): AccountedProcess | undefined {
    const known = this.#population.ofThread(tid);
    if (known) return known;
    const pid =
      this.#postponed.find(tid) || this.#state.targets.isProcess(tid) ? tid : this.#state.targets.ids(tid)?.pid;
    if (pid === undefined) return undefined;
    const process = this.#population.find(pid) ?? this.#registerCaller(pid, tid, job);
    if (process && tid !== pid) this.#population.addThread(process, tid);
    return process;
  }

  /** A thread that calls is not on its way to anything. */
  #registerCaller(pid: number, tid: number, job: Job): AccountedProcess | undefined {
    const unread = registerUnread(pid, this.#postponed, this.#state, this.#population);
    const process = unread ?? this.register(pid, { job, limit: job.limit });
    if (process?.pendingExec === tid) this.#population.execs(process, undefined);
    return process;
  }

  /**
   * A process that is under the filter and not known: a forked child, one that shares its parent's memory, or a stranger. It inherits
   * `otherwise` where that names a payer, or where nothing tells who made it.
   */
  register(pid: number, otherwise: Inheritance): AccountedProcess | undefined {
    const { targets } = this.#state;
    const image = targets.image(pid);
    const expected = this.#postponed.find(pid);
    if (!image) {
      // It may only be that nobody has looked at it yet.
      if (!targets.ids(pid)) this.#postponed.drop(pid);
      return undefined;
    }
    // Who it is may have to wait for its parent's map: until that is there it stays expected.
    const parent = this.#parentOf(image);
    this.#postponed.drop(pid);
    if (!parent) this.#findEndedVforkParents();
    // What is found out about its parent may have led to it.
    const found = this.#population.find(pid);
    if (found) return found;
    const told = [expected, otherwise].find((each) => each?.payer);
    const from = told ?? (parent && inheritanceOf(parent));
    const isParentsProgram = parent !== undefined && image.layout === parent.layout;
    const process =
      expected && (parent || expected.payer) && !isParentsProgram && !this.#vforkParentOf(pid)
        ? this.#registerProgram(pid, image, parent, expected)
        : (this.#registerChild(pid, image, parent) ?? this.registerUnrelated(pid, image, from ?? otherwise));
    // What it has called may be still to come.
    if (process && expected) this.#population.execs(process, pid);
    return process;
  }

  #parentOf({ ppid }: Image): AccountedProcess | undefined {
    const expected = this.#postponed.find(ppid);
    const parent = this.#population.find(ppid) ?? (expected && this.register(ppid, expected));
    if (!parent) return undefined;
    this.#population.refresh(parent);
    return parent;
  }

  /** The end of a lender leads to whoever has its memory. */
  #findEndedVforkParents(): void {
    if (this.#state.grants.vforks.size === 0) return;
    // One that nobody has waited for yet looks as if it were there.
    this.#collectExits();
    for (const { process } of this.#state.grants.vforks) {
      if (this.#population.isGone(process)) this.#population.exited(process);
    }
  }

  /** One that had somebody's memory and is another program. */
  #registerProgram(
    pid: number,
    image: Image,
    parent: AccountedProcess | undefined,
    expected: Expected,
  ): AccountedProcess {
    if (expected.vfork) this.#state.grants.childFound(expected.vfork);
    const { job, limit, payer } = expected.payer || !parent ? expected : inheritanceOf(parent);
    const space = new Space(this.#state.ledger, job, payer!);
    const process = this.#population.arrive(pid, image, space, limit);
    if (!expected.isRestored) return this.#population.begin(process, image);
    space.beginRunning(image.startBrk);
    this.#population.countAll(process);
    this.#state.figures.note(space.payer);
    return this.#population.record(process);
  }

  /** Who has made a process in its own memory and does not wait for it: not always its parent. */
  #vforkParentOf(pid: number): AccountedProcess | undefined {
    for (const { process, waits } of this.#state.grants.vforks) {
      if (!waits && this.#state.targets.sharesMemory(process.pid, pid)) return process;
    }
    return undefined;
  }

  /** One that has the memory of its parent, or of who made it its parent's child, or a copy. */
  #registerChild(pid: number, image: Image, parent: AccountedProcess | undefined): AccountedProcess | undefined {
    const { targets, grants } = this.#state;
    const vforkParent = parent && targets.sharesMemory(parent.pid, pid) ? parent : this.#vforkParentOf(pid);
    if (vforkParent) {
      const limit = grants.endVfork(vforkParent)?.limit ?? vforkParent.limit;
      return this.#population.record(this.#population.arrive(pid, image, vforkParent.space, limit));
    }
    const fork = grants.forkOf(image, () => targets.ids(pid)?.ruid);
    if (!fork) return undefined;
    const process = this.#population.arrive(pid, image, fork.child, fork.limit);
    if (fork.isInexact) this.#population.countAll(process);
    this.#population.record(process);
    // Not before: this may be killed at any moment.
    grants.close(fork);
    return process;
  }

  registerUnrelated(pid: number, image: Image, { job, limit }: Inheritance): AccountedProcess | undefined {
    const ids = this.#state.targets.ids(pid);
    return ids && this.#population.enter(pid, image, ids.ruid, job, limit);
  }

  /** Finds who came without a call of its own yet, and who will not come any more. */
  findPending(): void {
    const { targets, grants } = this.#state;
    this.#collectExits();
    for (const [pid, from] of [...this.#postponed]) {
      // One may have been found meanwhile, as another's parent, or been put under accounting.
      if (this.#knows(pid)) this.#postponed.drop(pid);
      else if (this.#postponed.find(pid)) this.register(pid, from);
    }
    for (const process of this.#execing) {
      if (this.#population.find(process.pid) === process) this.#population.refresh(process);
    }
    this.#execing.clear();
    // Of a fork that is done before the children are looked for the child is there, or gone.
    const done = [...grants.forks].filter((fork) => fork.isDone(targets));
    if (grants.forks.size === 0) return;
    const unseen = this.#registerForkedChildren();
    for (const fork of done) if (!unseen.has(fork.child.payer.uid)) this.#giveUp(fork);
  }

  /** A fork whose child was not found, and not the time before: the kernel's list leaves children out while others come and go. */
  #giveUp(fork: ForkGrant): void {
    const { grants } = this.#state;
    if (!grants.forks.has(fork)) return;
    if (fork.missed) {
      grants.close(fork);
      fork.cancel();
    }
    fork.missed = true;
  }

  /**
   * Looks where the children of forks may be, at each place once: beside their parents, or anywhere. Returns the real uids of those
   * that may be one, and that nobody has looked at yet.
   */
  #registerForkedChildren(): ReadonlySet<number> {
    const { targets, grants } = this.#state;
    const unseen = new Set<number>();
    const parents = new Set<AccountedProcess>();
    let anywhere = false;
    for (const { process: parent, ppid } of grants.forks) {
      const isSibling = ppid !== parent.pid;
      if (parents.has(parent) && !isSibling) continue;
      // The children of one that has ended, which nobody may have been told yet, are somebody else's.
      if (!isSibling && !this.#population.isGone(parent)) parents.add(parent);
      else anywhere = true;
    }
    for (const parent of parents) for (const pid of targets.children(parent.pid)) this.#registerIfForked(pid, unseen);
    if (anywhere) for (const pid of targets.pids()) this.#registerIfForked(pid, unseen);
    return unseen;
  }

  #registerIfForked(pid: number, unseen: Set<number>): void {
    if (this.#knows(pid)) return;
    const { targets, grants } = this.#state;
    const image = targets.image(pid);
    const [fork] = image ? grants.forksAlike(image) : [];
    const ids = fork || !image ? targets.ids(pid) : undefined;
    if (!ids?.filtered) return;
    if (fork) this.register(pid, { job: fork.child.job, limit: fork.limit });
    else unseen.add(ids.ruid);
  }

  /** Registers each process that was created in the memory of `vforkParent` and has made no trapped call yet. */
  findVforkChildren(vforkParent: AccountedProcess): void {
    registerVforkChildren(vforkParent, this.#search);
  }

  get #search(): SharerSearch {
    return { arrivals: this, population: this.#population, state: this.#state };
  }
}
