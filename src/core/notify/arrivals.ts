import { type PendingFork, PendingForks } from "./forks.ts";
import type { Job } from "./job.ts";
import type { Books, Population } from "./population.ts";
import type { Image } from "./ports.ts";
import type { AccountedProcess, SwapLimit } from "./process.ts";
import { Sharers } from "./sharers.ts";
import { Space } from "./space.ts";

/** Processes that are postponed before they are met all the same. */
const POSTPONED = 256;

/** Processor time after which a fork is over: copying the tables of a large memory takes a while. */
const FORKED_NS = 100_000_000;

/** How processes come under accounting that nobody has put there: children, found by their calls or by who looks for them. */
export class Arrivals {
  readonly #books: Books;
  readonly #population: Population;
  readonly forks: PendingForks = new PendingForks();
  readonly sharers: Sharers = new Sharers();
  /** Processes that were not known when they called exec, and where they come in whose parents are not either. */
  readonly #postponed = new Map<number, Job>();
  /** Known ones that were let go to exec a moment ago. */
  readonly #execing = new Set<AccountedProcess>();

  constructor(books: Books, population: Population) {
    this.#books = books;
    this.#population = population;
    population.onLeave = (process) => {
      if (this.sharers.takeOut(process)) this.#meetHeirs(process);
    };
  }

  #knows(pid: number): boolean {
    return this.#population.find(pid) !== undefined;
  }

  /** Whether somebody is known to be there, or to come, who has not been met. */
  get hasUnmet(): boolean {
    return this.forks.any || this.#postponed.size > 0 || this.#execing.size > 0;
  }

  /** A process is let go to exec. */
  execs(process: AccountedProcess, tid: number): void {
    process.execs = tid;
    this.#execing.add(process);
  }

  /**
   * Whether a thread that calls exec can be met later, as another program: it leads a process nobody knows, and nobody has
   * forked, so that it has its parent's memory and nothing of its own.
   */
  postpone(tid: number, job: Job): boolean {
    if (this.forks.any || this.#knows(tid) || !this.#books.targets.isProcess(tid)) return false;
    if (this.#postponed.size >= POSTPONED) this.settle();
    this.#postponed.set(tid, job);
    return true;
  }

  /** Whose thread that is. A process not seen before comes into `job`, unless its parent is known. Undefined: gone. */
  ofThread(tid: number, job: Job): AccountedProcess | undefined {
    const known = this.#population.ofThread(tid);
    if (known) return known;
    const pid = this.#books.targets.isProcess(tid) ? tid : this.#books.targets.ids(tid)?.pid;
    if (pid === undefined) return undefined;
    const process = this.#population.find(pid) ?? this.#meetCaller(pid, job);
    if (process && tid !== pid) this.#population.addThread(process, tid);
    return process;
  }

  /** One that calls is not on its way to anything. */
  #meetCaller(pid: number, job: Job): AccountedProcess | undefined {
    const process = this.meet(pid, job);
    if (process) process.execs = undefined;
    return process;
  }

  /**
   * A process that is under the filter and not known: a forked child, one that shares its parent's memory, or a stranger. Where
   * its parent is not known either it comes into `job` with that limit.
   */
  meet(pid: number, job: Job, limit: SwapLimit = job.limit): AccountedProcess | undefined {
    const image = this.#books.targets.image(pid);
    const postponed = this.#postponed.get(pid);
    this.#postponed.delete(pid);
    if (!image) return undefined;
    const parent = this.#parentOf(image);
    const process =
      postponed && parent && image.layout !== parent.layout && !this.#giverOf(pid)
        ? this.#meetProgram(pid, image, parent)
        : (this.#meetCopy(pid, image, parent) ?? this.#meetStranger(pid, image, parent, job, limit));
    // What it has called may be still to come.
    if (process && postponed) process.execs = pid;
    return process;
  }

  #parentOf({ ppid }: Image): AccountedProcess | undefined {
    const postponed = this.#postponed.get(ppid);
    const parent = this.#population.find(ppid) ?? (postponed && this.meet(ppid, postponed));
    if (!parent) return undefined;
    this.#population.refresh(parent);
    return parent;
  }

  /** One that had its parent's memory and is another program. */
  #meetProgram(pid: number, image: Image, parent: AccountedProcess): AccountedProcess {
    this.sharers.met(parent);
    const space = new Space(this.#books.ledger, parent.space.job, parent.space.payer);
    return this.#population.begin(this.#population.arrive(pid, image, space, parent.limit), image);
  }

  /** Who has made a process in its own memory and does not wait for it: not always its parent. */
  #giverOf(pid: number): AccountedProcess | undefined {
    for (const giver of this.sharers.givers) if (this.#books.targets.sharesMemory(giver.pid, pid)) return giver;
    return undefined;
  }

  /** One that has the memory of its parent, or of who made it its parent's child, or a copy. */
  #meetCopy(pid: number, image: Image, parent: AccountedProcess | undefined): AccountedProcess | undefined {
    const giver = parent && this.#books.targets.sharesMemory(parent.pid, pid) ? parent : this.#giverOf(pid);
    if (giver) {
      this.sharers.met(giver);
      return this.#population.record(this.#population.arrive(pid, image, giver.space, giver.limit));
    }
    const fork = this.forks.take(image);
    if (!fork) return undefined;
    const process = this.#population.arrive(pid, image, fork.space, fork.limit);
    if (fork.confused) this.#population.countAll(process);
    return this.#population.record(process);
  }

  #meetStranger(
    pid: number,
    image: Image,
    parent: AccountedProcess | undefined,
    job: Job,
    limit: SwapLimit,
  ): AccountedProcess | undefined {
    const ids = this.#books.targets.ids(pid);
    return ids && this.#population.enter(pid, image, ids.ruid, parent?.space.job ?? job, parent?.limit ?? limit);
  }

  /** Who came without a call of its own yet, and who will not come any more. */
  settle(): void {
    for (const [pid, job] of [...this.#postponed]) {
      // One may have been met meanwhile, as another's parent, or been put under accounting.
      if (this.#knows(pid)) this.#postponed.delete(pid);
      else if (this.#postponed.has(pid)) this.meet(pid, job);
    }
    for (const process of this.#execing) {
      if (this.#population.find(process.pid) === process) this.#population.refresh(process);
    }
    this.#execing.clear();
    // Of a fork that is over before the children are looked for the child is there, or gone.
    const over = [...this.forks].filter(({ call }) => call.isOver(this.#books.targets, FORKED_NS));
    if (this.forks.any) this.#meetChildren();
    for (const fork of over) if (this.forks.isGone(fork)) this.forget(fork);
  }

  /** A child will not come. */
  forget(fork: PendingFork): void {
    if (!this.forks.delete(fork)) return;
    fork.space.release();
    this.#books.objects.left(fork.space);
  }

  /** Looks where the children of forks may be, at each place once: beside their parents, or anywhere. */
  #meetChildren(): void {
    const { targets } = this.#books;
    const parents = new Set<AccountedProcess>();
    let anywhere = false;
    for (const { call, isSibling } of this.forks) {
      const parent = call.process;
      if (this.#population.find(parent.pid) === parent && !isSibling) parents.add(parent);
      else anywhere = true;
    }
    for (const parent of parents) for (const pid of targets.children(parent.pid)) this.#meetChild(pid);
    if (anywhere) for (const pid of targets.pids()) this.#meetChild(pid);
  }

  #meetChild(pid: number): void {
    if (this.#knows(pid)) return;
    const { targets } = this.#books;
    const image = targets.image(pid);
    const [fork] = image ? this.forks.alike(image) : [];
    if (fork && targets.ids(pid)?.filtered) this.meet(pid, fork.space.job);
  }

  /** Whoever has the memory that `process` leaves, and has not been met: its image is the same. */
  #meetHeirs({ space, layout, limit }: AccountedProcess): void {
    const { targets } = this.#books;
    for (const pid of targets.pids()) {
      if (this.#knows(pid)) continue;
      const image = targets.image(pid);
      if (image?.layout !== layout || !targets.ids(pid)?.filtered) continue;
      const [other] = space.pids;
      // A copy has the same image.
      if (other !== undefined && !targets.sharesMemory(other, pid))
        this.#meetStranger(pid, image, undefined, space.job, limit);
      else {
        const process = this.#population.record(this.#population.arrive(pid, image, space, limit));
        // It may have been let go to become another program.
        process.execs = pid;
        this.#population.countAll(process);
      }
    }
  }
}
