import { pagesIn } from "../base/size.ts";
import type { SwapLedger } from "../vm/swap-ledger.ts";
import type { UidInfos } from "../vm/uidinfo.ts";
import { type PendingFork, PendingForks } from "./forks.ts";
import type { Job } from "./job.ts";
import type { Image, Targets } from "./ports.ts";
import { AccountedProcess, type ProgramImage, type SwapLimit } from "./process.ts";
import { PROCESS_RECORD, processRecord, type Recorder } from "./records.ts";
import type { SharedObjects } from "./shared-objects.ts";
import { Sharers } from "./sharers.ts";
import { Space } from "./space.ts";
import type { UidAccounts } from "./uid-accounts.ts";
import type { CallsUnderway } from "./underway.ts";

export interface Books {
  readonly targets: Targets;
  readonly ledger: SwapLedger;
  readonly uids: UidInfos;
  readonly figures: UidAccounts;
  readonly objects: SharedObjects;
  readonly underway: CallsUnderway;
  readonly recorder: Recorder;
}

/** Threads of a process that are remembered before those that are gone are forgotten. */
const THREADS = 256;
/** Processes that are postponed before they are met all the same. */
const POSTPONED = 256;

/** The processes under accounting: how one comes, becomes another program or another user, and goes. */
export class Population {
  readonly #books: Books;
  readonly #processes = new Map<number, AccountedProcess>();
  readonly #byThread = new Map<number, AccountedProcess>();
  readonly forks: PendingForks = new PendingForks();
  readonly sharers: Sharers = new Sharers();
  /** Processes that were not known when they called exec, and where they come in whose parents are not either. */
  readonly #postponed = new Map<number, Job>();
  /** Known ones that were let go to exec a moment ago. */
  readonly #execing = new Set<AccountedProcess>();
  /** Told of every process that is new; it is to tell {@link exited} of its end. */
  onArrival: (process: AccountedProcess) => void = () => {};

  constructor(books: Books) {
    this.#books = books;
  }

  get size(): number {
    return this.#processes.size;
  }

  [Symbol.iterator](): IterableIterator<AccountedProcess> {
    return this.#processes.values();
  }

  find(pid: number): AccountedProcess | undefined {
    return this.#processes.get(pid);
  }

  /** Whether somebody is known to be there, or to come, who has not been met. */
  get hasUnmet(): boolean {
    return this.forks.any || this.#postponed.size > 0 || this.#execing.size > 0;
  }

  /** A process is let go to exec. */
  execs(process: AccountedProcess): void {
    process.execs = true;
    this.#execing.add(process);
  }

  /**
   * Whether a thread that calls exec can be met later, as another program: it leads a process nobody knows, and nobody has
   * forked, so that it has its parent's memory and nothing of its own.
   */
  postpone(tid: number, job: Job): boolean {
    if (this.forks.any || this.#processes.has(tid) || !this.#books.targets.isProcess(tid)) return false;
    if (this.#postponed.size >= POSTPONED) this.settle();
    this.#postponed.set(tid, job);
    return true;
  }

  /** Whose thread that is. A process not seen before comes into `job`, unless its parent is known. Undefined: gone. */
  ofThread(tid: number, job: Job): AccountedProcess | undefined {
    const leads = this.#processes.get(tid);
    if (leads) return leads;
    const known = this.#byThread.get(tid);
    if (known && this.#books.targets.hasThread(known.pid, tid)) return known;
    const pid = this.#books.targets.isProcess(tid) ? tid : this.#books.targets.ids(tid)?.pid;
    if (pid === undefined) return undefined;
    const process = this.#processes.get(pid) ?? this.#meetCaller(pid, job);
    if (process && tid !== pid) this.#addThread(process, tid);
    return process;
  }

  /** One that calls is not on its way to anything. */
  #meetCaller(pid: number, job: Job): AccountedProcess | undefined {
    const process = this.meet(pid, job);
    if (process) process.execs = false;
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
      postponed && parent && image.layout !== parent.layout
        ? this.#meetProgram(pid, image, parent)
        : (this.#meetCopy(pid, image, parent) ?? this.#meetStranger(pid, image, parent, job, limit));
    // What it has called may be still to come.
    if (process && postponed) process.execs = true;
    return process;
  }

  #parentOf({ ppid }: Image): AccountedProcess | undefined {
    const postponed = this.#postponed.get(ppid);
    const parent = postponed ? this.meet(ppid, postponed) : this.#processes.get(ppid);
    if (!parent) return undefined;
    this.refresh(parent);
    this.sharers.met(parent);
    return parent;
  }

  /** One that had its parent's memory and is another program. */
  #meetProgram(pid: number, image: Image, { space: { job, payer }, limit }: AccountedProcess): AccountedProcess {
    return this.#begin(this.#arrive(pid, image, new Space(this.#books.ledger, job, payer), limit));
  }

  /** One that has the memory of its parent, or of who made it its parent's child, or a copy. */
  #meetCopy(pid: number, image: Image, parent: AccountedProcess | undefined): AccountedProcess | undefined {
    for (const other of parent ? [parent, ...this.sharers.givers] : this.sharers.givers) {
      if (!this.#books.targets.sharesMemory(other.pid, pid)) continue;
      return this.#recorded(this.#arrive(pid, image, other.space, other.limit));
    }
    const fork = this.forks.take(image);
    if (!fork) return undefined;
    const process = this.#arrive(pid, image, fork.space, fork.limit);
    if (fork.confused) this.#countAll(process);
    return this.#recorded(process);
  }

  #meetStranger(
    pid: number,
    image: Image,
    parent: AccountedProcess | undefined,
    job: Job,
    limit: SwapLimit,
  ): AccountedProcess | undefined {
    const ids = this.#books.targets.ids(pid);
    return ids && this.enter(pid, image, ids.ruid, parent?.space.job ?? job, parent?.limit ?? limit);
  }

  /** Puts a process under accounting with what it has now, which nobody refuses. */
  enter(pid: number, image: Image, ruid: number, job: Job, limit: SwapLimit): AccountedProcess {
    const { ledger, uids } = this.#books;
    const process = this.#arrive(pid, image, new Space(ledger, job, uids.find(ruid)), limit);
    this.#countAll(process);
    this.#books.figures.note(process.space.payer);
    return this.#recorded(process);
  }

  /** One that starts a command: nothing of it counts before its exec. */
  launch(pid: number, image: ProgramImage, ruid: number, job: Job, limit: SwapLimit): AccountedProcess {
    const process = this.restore(pid, image, ruid, job, limit);
    process.launching = true;
    return this.#recorded(process);
  }

  /** One of which nothing is known but what is written down, and that must not be written anew before all of it is taken over. */
  restore(pid: number, image: ProgramImage, ruid: number, job: Job, limit: SwapLimit): AccountedProcess {
    const { ledger, uids } = this.#books;
    const process = this.#arrive(pid, image, new Space(ledger, job, uids.find(ruid)), limit);
    process.execs = true;
    return process;
  }

  #recorded(process: AccountedProcess): AccountedProcess {
    this.record(process);
    return process;
  }

  /** Writes down what cannot be counted again: to be called when it has changed. */
  record(process: AccountedProcess): void {
    this.#books.recorder.put(PROCESS_RECORD + process.pid, processRecord(process));
  }

  forgetRecord(pid: number): void {
    this.#books.recorder.drop(PROCESS_RECORD + pid);
  }

  /** `process` is found to use the memory of another. */
  shareSpace(process: AccountedProcess, space: Space): void {
    this.#leave(process);
    process.space = space;
    space.pids.add(process.pid);
  }

  #arrive(pid: number, image: ProgramImage, space: Space, limit: SwapLimit): AccountedProcess {
    const process = new AccountedProcess(pid, image, space, limit, this.#books.targets);
    space.pids.add(pid);
    this.#postponed.delete(pid);
    this.#processes.set(pid, process);
    this.onArrival(process);
    return process;
  }

  /** Charges what the map shows, unasked. */
  #countAll({ pid, space, startBrk }: AccountedProcess): void {
    const vmas = this.#books.targets.map(pid);
    if (!vmas) return;
    space.correct(vmas, startBrk, 0, true);
    this.#books.objects.seen(space, vmas, true);
  }

  /**
   * Finds out what a call let go since may have changed: the program, the real uid. `calls`: it makes another call, so that
   * whatever it was is over; else exec may be on its way still, and what is seen be half of what it makes.
   */
  refresh(process: AccountedProcess, calls = false): void {
    if (process.execs) {
      this.#refreshImage(process);
      if (calls) process.execs = false;
    }
    if (process.changesUid) this.#refreshUid(process);
  }

  #refreshImage(process: AccountedProcess): void {
    const { targets, ledger, underway } = this.#books;
    const image = targets.image(process.pid);
    if (!image) return;
    // Until exec succeeds it may be tried again, in another directory.
    if (image.layout === process.layout && this.#hasMemoryOf(process)) {
      this.#complete(process, image);
      return;
    }
    process.launching = false;
    underway.forget(process);
    const { space } = process;
    this.#leave(process);
    process.layout = image.layout;
    process.startBrk = image.startBrk;
    process.space = new Space(ledger, space.job, space.payer);
    process.space.pids.add(process.pid);
    this.#begin(process);
  }

  /** What has come since it was seen half made. */
  #complete(process: AccountedProcess, { startBrk }: Image): void {
    const { pid, space } = process;
    if (space.isExact) return;
    if (startBrk !== process.startBrk) this.#setBrk(process, startBrk);
    const data = this.#books.targets.size(pid)?.data ?? 0;
    if (data > space.pages) space.add(data - space.pages);
  }

  #setBrk(process: AccountedProcess, startBrk: number): void {
    process.startBrk = process.space.brk = startBrk;
    process.space.brkEnd = pagesIn(startBrk);
  }

  /** Whether it has the memory that it is known to have, as far as others have it too. */
  #hasMemoryOf({ pid, space }: AccountedProcess): boolean {
    for (const other of space.pids) if (other !== pid) return this.#books.targets.sharesMemory(other, pid);
    return true;
  }

  /** It is a program that has just begun, with what that brings. */
  #begin(process: AccountedProcess): AccountedProcess {
    const { targets, figures } = this.#books;
    const { pid, space } = process;
    this.#setBrk(process, process.startBrk);
    space.add(targets.size(pid)?.data ?? 0);
    figures.note(space.payer);
    return this.#recorded(process);
  }

  #refreshUid(process: AccountedProcess): void {
    const { targets, uids, underway } = this.#books;
    process.changesUid = false;
    const ids = targets.ids(process.pid);
    if (!ids || ids.ruid === process.space.payer.uid) return;
    const { space } = process;
    const { pages } = underway.of((each) => each === space);
    const vmas = targets.map(process.pid);
    if (!vmas) return;
    space.keepFor(uids.find(ids.ruid), vmas, pages);
    this.record(process);
  }

  /** Who came without a call of its own yet, and who will not come any more. */
  settle(): void {
    for (const [pid, job] of [...this.#postponed]) if (this.#postponed.has(pid)) this.meet(pid, job);
    for (const process of this.#execing) this.refresh(process);
    this.#execing.clear();
    // Of a fork that is over before the children are looked for the child is there, or gone.
    const over = [...this.forks].filter((fork) => this.#isOver(fork));
    for (const fork of this.forks) this.#meetChildren(fork);
    for (const fork of over) if (this.forks.isGone(fork)) this.forget(fork);
  }

  #isOver({ parent, tid, number, returned }: PendingFork): boolean {
    const progress = returned ? undefined : this.#books.targets.progress(parent.pid, tid);
    return !progress || !(progress.running || progress.call === number);
  }

  /** A child will not come. */
  forget(fork: PendingFork): void {
    this.forks.delete(fork);
    fork.space.release();
    this.#books.objects.left(fork.space);
  }

  #meetChildren({ parent, layout, isSibling, space }: PendingFork): void {
    const { targets } = this.#books;
    const hasChildren = this.#processes.get(parent.pid) === parent && !isSibling;
    for (const pid of hasChildren ? targets.children(parent.pid) : targets.pids()) {
      if (this.#processes.has(pid)) continue;
      const image = targets.image(pid);
      if (image?.layout === layout || (image?.isHidden && hasChildren)) this.meet(pid, space.job);
    }
  }

  exited(process: AccountedProcess): void {
    if (this.#processes.get(process.pid) !== process) return;
    this.#processes.delete(process.pid);
    this.forgetRecord(process.pid);
    for (const tid of process.tids) if (this.#byThread.get(tid) === process) this.#byThread.delete(tid);
    this.#execing.delete(process);
    this.#books.underway.forget(process);
    this.#leave(process);
  }

  #leave(process: AccountedProcess): void {
    const { pid, space } = process;
    space.pids.delete(pid);
    if (this.sharers.takeOut(process)) this.#meetSharers(process);
    if (space.pids.size > 0) return;
    space.release();
    this.#books.objects.left(space);
  }

  /** Whoever has the memory that `process` leaves, and has not been met: its image is the same. */
  #meetSharers({ space, layout, limit }: AccountedProcess): void {
    const { targets } = this.#books;
    for (const pid of targets.pids()) {
      if (this.#processes.has(pid)) continue;
      const image = targets.image(pid);
      if (image?.layout !== layout) continue;
      const [other] = space.pids;
      // A copy has the same image.
      if (other !== undefined && !targets.sharesMemory(other, pid))
        this.#meetStranger(pid, image, undefined, space.job, limit);
      else {
        const process = this.#recorded(this.#arrive(pid, image, space, limit));
        // It may have been let go to become another program.
        process.execs = true;
        this.#countAll(process);
      }
    }
  }

  #addThread(process: AccountedProcess, tid: number): void {
    if (process.tids.size >= THREADS) {
      for (const each of process.tids) {
        if (this.#books.targets.hasThread(process.pid, each)) continue;
        process.tids.delete(each);
        this.#byThread.delete(each);
      }
    }
    process.tids.add(tid);
    this.#byThread.set(tid, process);
  }
}
