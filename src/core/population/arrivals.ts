import type { ForkGrant, VforkGrant } from "../grants/grant.ts";
import type { Job } from "../space/job.ts";
import type { Image } from "../space/ports.ts";
import type { AccountedProcess } from "../space/process.ts";
import { Space } from "../space/space.ts";
import type { AccountsState } from "./accounts-state.ts";
import { type Expected, ExpectedPrograms, expectedOf } from "./expected.ts";
import { type Inheritance, inheritanceOf } from "./inheritance.ts";
import { registerRemainingSharers, registerVforkChildren, type SharerSearch } from "./memory-sharers.ts";
import type { Population } from "./population.ts";
import { hasLeftParent, registerUnread } from "./unread-program.ts";

/** How many vfork children may be postponed before all of them are searched for. */
const MAX_POSTPONED = 256;

/**
 * Registers processes that nobody announces: children by fork, children by vfork or clone with CLONE_VM, and processes whose parent is
 * unknown. A process is found at its first trapped call, or earlier when somebody needs all of them ({@link findPending}).
 */
export class Arrivals {
  readonly #state: AccountsState;
  readonly #population: Population;
  /** Processes that were allowed to exec before they were registered. */
  readonly #postponed: ExpectedPrograms;
  /** Registered processes that were allowed to exec since {@link findPending} was last called. */
  readonly #execing = new Set<AccountedProcess>();
  readonly #collectExits: () => void;

  /** `collectExits` as in `AccountsOptions`. */
  constructor(state: AccountsState, population: Population, collectExits: () => void) {
    this.#state = state;
    this.#population = population;
    this.#postponed = new ExpectedPrograms(state.recorder);
    this.#collectExits = collectExits;
  }

  /** A process has left its address space, which an unknown process may share. */
  left(process: AccountedProcess): void {
    this.#postponed.settle(process);
    const vfork = this.#state.grants.endVforks(process);
    if (vfork) registerRemainingSharers(process, vfork.limit, this.#search);
  }

  #knows(pid: number): boolean {
    return this.#population.find(pid) !== undefined;
  }

  /** Whether {@link findPending} has something to do: an unfound child, or an exec that was just allowed. */
  get hasPending(): boolean {
    return this.#state.grants.forks.size > 0 || this.#postponed.size > 0 || this.#execing.size > 0;
  }

  /** The processes that were allowed to exec before they were registered, and what they inherit. */
  get expected(): Iterable<readonly [pid: number, Inheritance]> {
    return this.#postponed;
  }

  /** A process still runs a while after it was registered: it gets its journal record, if it has none. */
  stays(process: AccountedProcess): void {
    this.#postponed.settle(process, () => this.#population.record(process));
  }

  /** Thread `tid` of a registered process is allowed to exec. */
  execs(process: AccountedProcess, tid: number): void {
    this.stays(process);
    this.#population.execs(process, tid);
    this.#execing.add(process);
  }

  /**
   * Whether the registration of a thread that calls exec was postponed until it runs its program. That is possible for the main thread of
   * an unknown process while no fork is open: then it shares its parent's memory and holds nothing of its own. Saves most of the work for a
   * command that a shell starts by vfork.
   */
  postpone(tid: number, job: Job): boolean {
    if (this.#state.grants.forks.size > 0 || this.#knows(tid) || !this.#state.targets.isProcess(tid)) return false;
    if (this.#postponed.size >= MAX_POSTPONED) this.findPending();
    const { size } = this.#state.grants.vforks;
    const vfork = this.#vforkOf(tid);
    // Its vfork parent has exited: the search for the remaining sharers finds it.
    if (size > 0 && !vfork) return false;
    this.#postponed.add(tid, vfork ? expectedOf(vfork) : { job, limit: job.limit });
    return true;
  }

  /** The vfork by which process `pid` was created. Asked now, since the parent may be gone when the process is registered. */
  #vforkOf(pid: number): VforkGrant | undefined {
    const { targets, grants } = this.#state;
    const [only, another] = grants.vforks;
    if (!another) return only && hasLeftParent(only, pid, targets) ? undefined : only;
    const ppid = targets.image(pid)?.ppid;
    for (const vfork of grants.vforks) if (vfork.process.pid === ppid) return vfork;
    return undefined;
  }

  /** Takes over a postponed process of a journal record. */
  expect(pid: number, from: Inheritance): void {
    this.#postponed.add(pid, { ...from, isRestored: true });
  }

  /** The process of a thread. An unknown process is registered, in `job` where its parent is not known. Undefined: it is gone. */
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

  /** Registers the unknown process of a thread that makes a call, so that no exec of that thread is under way. */
  #registerCaller(pid: number, tid: number, job: Job): AccountedProcess | undefined {
    const unread = registerUnread(pid, this.#postponed, this.#state, this.#population);
    const process = unread ?? this.register(pid, { job, limit: job.limit });
    if (process?.pendingExec === tid) this.#population.execs(process, undefined);
    return process;
  }

  /**
   * Registers an unknown process that is under the filter: a forked child, a process that shares its parent's memory, or one whose origin
   * is unknown. It inherits `otherwise` where that names a payer, or where nothing tells who created it. Undefined where it is gone, or its
   * image cannot be read yet.
   */
  register(pid: number, otherwise: Inheritance): AccountedProcess | undefined {
    const { targets } = this.#state;
    const image = targets.image(pid);
    const expected = this.#postponed.find(pid);
    if (!image) {
      // Its image may only not have been read yet.
      if (!targets.ids(pid)) this.#postponed.drop(pid);
      return undefined;
    }
    // The parent's map may have to be read elsewhere (NOT_YET). The process stays postponed until then.
    const parent = this.#parentOf(image);
    this.#postponed.drop(pid);
    if (!parent) this.#findEndedVforkParents();
    // The search for the parent may have registered this process.
    const found = this.#population.find(pid);
    if (found) return found;
    const complete = [expected, otherwise].find((each) => each?.payer);
    const from = complete ?? (parent && inheritanceOf(parent));
    const isParentsProgram = parent !== undefined && image.layout === parent.layout;
    const process =
      expected && (parent || expected.payer) && !isParentsProgram && !this.#vforkParentOf(pid)
        ? this.#registerProgram(pid, image, parent, expected)
        : (this.#registerChild(pid, image, parent) ?? this.registerUnrelated(pid, image, from ?? otherwise));
    // The exec that it was allowed before may be under way.
    if (process && expected) this.#population.execs(process, pid);
    return process;
  }

  /** The registered parent of a process of this image, brought up to date. A postponed parent is registered first. */
  #parentOf({ ppid }: Image): AccountedProcess | undefined {
    const expected = this.#postponed.find(ppid);
    const parent = this.#population.find(ppid) ?? (expected && this.register(ppid, expected));
    if (!parent) return undefined;
    this.#population.refresh(parent);
    return parent;
  }

  /** Applies the exits of vfork parents: each leads to a search for the processes that share its memory. */
  #findEndedVforkParents(): void {
    if (this.#state.grants.vforks.size === 0) return;
    // A zombie still has its pid: exits are collected, not looked up.
    this.#collectExits();
    for (const { process } of this.#state.grants.vforks) {
      if (this.#population.isGone(process)) this.#population.exited(process);
    }
  }

  /** Registers a vfork child that has executed its program. */
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
    space.heap.beginRunning(image.startBrk);
    this.#population.countAll(process);
    this.#state.figures.note(space.payer);
    return this.#population.record(process);
  }

  /** The process that created `pid` by clone with CLONE_VM and does not wait for it. With CLONE_PARENT that is not its parent. */
  #vforkParentOf(pid: number): AccountedProcess | undefined {
    for (const { process, waits } of this.#state.grants.vforks) {
      if (!waits && this.#state.targets.sharesMemory(process.pid, pid)) return process;
    }
    return undefined;
  }

  /** Registers a process that shares the memory of its creator, or is a forked child. Undefined where it is neither. */
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
    // Only once the child has its record: this daemon may be killed between the two, and then the fork's record stands for the child.
    grants.close(fork);
    return process;
  }

  /** Registers a process whose origin is unknown, with what its map shows. Undefined: it is gone. */
  registerUnrelated(pid: number, image: Image, { job, limit }: Inheritance): AccountedProcess | undefined {
    const ids = this.#state.targets.ids(pid);
    return ids && this.#population.enter(pid, image, ids.ruid, job, limit);
  }

  /** Registers every process that has not called yet, applies exits and execs, and gives up forks that have no child any more. */
  findPending(): void {
    const { targets, grants } = this.#state;
    this.#collectExits();
    for (const [pid, from] of [...this.#postponed]) {
      // It may have been registered since: as the parent of another process, or by the word `account`.
      if (this.#knows(pid)) this.#postponed.drop(pid);
      else if (this.#postponed.find(pid)) this.register(pid, from);
    }
    for (const process of this.#execing) {
      if (this.#population.find(process.pid) === process) this.#population.refresh(process);
    }
    this.#execing.clear();
    // The call of such a fork is over before the children are listed: its child is in the list, or has exited.
    const done = [...grants.forks].filter((fork) => fork.isDone(targets));
    if (grants.forks.size === 0) return;
    const unseen = this.#registerForkedChildren();
    for (const fork of done) if (!unseen.has(fork.child.payer.uid)) this.#giveUp(fork);
  }

  /**
   * The child of a fork was not found. Gives the fork up the second time: the kernel's list of children (/proc/pid/task/tid/children) may
   * leave some out while others exit.
   */
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
   * Registers the children of open forks: searches the lists of children of their parents, or all processes where a parent has exited.
   * Returns the real uids of unknown processes whose image cannot be read yet: each may be such a child.
   */
  #registerForkedChildren(): ReadonlySet<number> {
    const { targets, grants } = this.#state;
    const unseen = new Set<number>();
    const parents = new Set<AccountedProcess>();
    let anywhere = false;
    for (const { process: parent, ppid } of grants.forks) {
      const isSibling = ppid !== parent.pid;
      if (parents.has(parent) && !isSibling) continue;
      // The children of an exited parent have become those of a reaper. The exit may not have been collected.
      if (!isSibling && !this.#population.isGone(parent)) parents.add(parent);
      else anywhere = true;
    }
    for (const parent of parents) for (const pid of targets.children(parent.pid)) this.#registerIfForked(pid, unseen);
    if (anywhere) for (const pid of targets.pids()) this.#registerIfForked(pid, unseen);
    return unseen;
  }

  /** Registers process `pid` if an open fork may have created it; adds its real uid to `unseen` if its image cannot be read yet. */
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
