import type { AccountsState, PopulationObserver } from "./accounts-state.ts";
import type { Job } from "./job.ts";
import { type LimitCell, limitCell, type SwapLimit } from "./limit.ts";
import { type Image, ifMapIsThere } from "./ports.ts";
import { AccountedProcess, type PendingChange, type ProgramImage } from "./process.ts";
import { JOB_RECORD, jobRecord, PROCESS_RECORD, processRecord } from "./records.ts";
import { Space } from "./space.ts";

/** Whether the call by which a change was allowed is over, now that `caller` makes another. */
const isOver = (by: PendingChange, caller: number | undefined): boolean =>
  caller !== undefined && (by === "unknown" || by === caller);

/** The processes under accounting: how one becomes another program or another user, and goes. */
export class Population {
  readonly #state: AccountsState;
  readonly #processes = new Map<number, AccountedProcess>();
  readonly #byThread = new Map<number, AccountedProcess>();
  readonly #observer: PopulationObserver;

  constructor(state: AccountsState, observer: PopulationObserver) {
    this.#state = state;
    this.#observer = observer;
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

  /** Whose thread has called before. */
  ofThread(tid: number): AccountedProcess | undefined {
    const leads = this.#processes.get(tid);
    if (leads) return leads;
    const known = this.#byThread.get(tid);
    return known && this.#state.targets.hasThread(known.pid, tid) ? known : undefined;
  }

  /** Puts a process under accounting with what it has now, which nobody refuses. */
  enter(pid: number, image: Image, ruid: number, job: Job, limit: LimitCell): AccountedProcess {
    const { ledger, uids } = this.#state;
    const process = this.arrive(pid, image, new Space(ledger, job, uids.find(ruid)), limit);
    process.space.beginRunning(image.startBrk);
    this.countAll(process);
    this.#state.figures.note(process.space.payer);
    return this.record(process);
  }

  /** One that starts a command: nothing of it counts before its exec. */
  launch(pid: number, image: ProgramImage, ruid: number, job: Job, limit: LimitCell): AccountedProcess {
    const process = this.restore(pid, image, ruid, job, limit);
    process.launching = true;
    return this.record(process);
  }

  /** One of which nothing is known but what is written down, and that must not be written anew before all of it is taken over. */
  restore(pid: number, image: ProgramImage, ruid: number, job: Job, limit: LimitCell): AccountedProcess {
    const { ledger, uids } = this.#state;
    const process = this.arrive(pid, image, new Space(ledger, job, uids.find(ruid)), limit);
    process.pendingExec = "unknown";
    return process;
  }

  /**
   * RLIMIT_SWAP of a process, and of children that come from now on; of strangers to its job too, while nobody else has its limit. Who has
   * it as well keeps it.
   */
  setLimit(process: AccountedProcess, limit: SwapLimit): void {
    const { limit: before, space } = process;
    const { grants, recorder } = this.#state;
    const own = limitCell(limit);
    const isShared = [...this].some((other) => other !== process && other.limit === before);
    process.limit = own;
    grants.relimit(process, own);
    this.record(process);
    if (isShared || space.job.limit !== before) return;
    space.job.limit = own;
    recorder.put(JOB_RECORD + space.job.id, jobRecord(space.job));
  }

  /** Writes down what cannot be counted again: to be called when it has changed. Returns the process. */
  record(process: AccountedProcess): AccountedProcess {
    this.#state.recorder.put(PROCESS_RECORD + process.pid, processRecord(process));
    return process;
  }

  /** Writes down who pays for the parts of an address space, if that has changed: with each process that uses it. */
  recordPayers(space: Space): void {
    if (!space.payersChanged) return;
    space.payersChanged = false;
    for (const pid of space.pids) {
      const process = this.find(pid);
      if (process) this.record(process);
    }
  }

  /** `process` is found to use the memory of another. */
  shareSpace(process: AccountedProcess, space: Space): void {
    this.#leave(process);
    process.space = space;
    space.pids.add(process.pid);
  }

  /**
   * A process comes, with that memory; what it has to be charged, and to be written down, is the caller's to do. Whoever had its number has
   * ended.
   */
  arrive(pid: number, image: ProgramImage, space: Space, limit: LimitCell): AccountedProcess {
    for (let before = this.find(pid); before; before = this.find(pid)) this.exited(before);
    const process = new AccountedProcess(pid, image, space, limit, this.#state.targets);
    space.pids.add(pid);
    this.#processes.set(pid, process);
    this.#observer.arrived(process);
    return process;
  }

  /** Charges what the map shows, unasked. */
  countAll({ pid, space }: AccountedProcess): void {
    const vmas = ifMapIsThere(() => this.#state.targets.map(pid, false));
    if (!vmas) {
      // The next look corrects it.
      space.isExact = false;
      space.add(Math.max(0, (this.#state.targets.size(pid)?.data ?? 0) - space.pages));
      return;
    }
    space.correct(vmas, 0, true);
    this.#state.objects.seen(space, vmas, true);
  }

  /** A thread was allowed to exec: what it leads to is found by {@link refresh}. */
  execs(process: AccountedProcess, by: PendingChange): void {
    process.pendingExec = by;
  }

  /** The same of a change of the real uid. */
  changesUid(process: AccountedProcess, by: PendingChange): void {
    process.pendingUid = by;
  }

  /**
   * Finds out what a call that was allowed may have changed: the program, the real uid. `caller`: that thread makes another call, so
   * that its last one is over; else exec may be on its way still, and what is seen be half of what it makes.
   */
  refresh(process: AccountedProcess, caller?: number): void {
    this.#refreshProgram(process, caller);
    if (process.pendingUid === undefined) return;
    if (this.#refreshUid(process, isOver(process.pendingUid, caller))) process.pendingUid = undefined;
  }

  #refreshProgram(process: AccountedProcess, caller?: number): void {
    const by = process.pendingExec;
    if (by === undefined) return;
    const isAnother = this.#refreshImage(process, isOver(by, caller));
    // Whoever calls after exec is the only thread there is.
    if (isOver(by, caller) || (isAnother && caller !== undefined)) process.pendingExec = undefined;
    else if (isAnother) process.pendingExec = "unknown";
  }

  /** Whether it is another program; one that lies where the last one lay, without randomization, cannot be told from it. */
  #refreshImage(process: AccountedProcess, isOver: boolean): boolean {
    const { targets, ledger, grants } = this.#state;
    const image = targets.image(process.pid);
    if (!image) return false;
    // Until exec succeeds it may be tried again, in another directory.
    if (image.layout === process.layout && this.#hasMemoryOf(process)) {
      // Of one that starts a command nothing counts: it is the launcher still.
      if (process.launching) return false;
      if (isOver) process.space.isExact = false;
      this.#complete(process, image);
      return false;
    }
    process.launching = false;
    // Whoever is found by its leaving may ask what has become of it.
    process.pendingExec = undefined;
    grants.forget(process);
    const { space } = process;
    this.#leave(process);
    process.image = image;
    process.space = new Space(ledger, space.job, process.nextPayer ?? space.payer);
    process.nextPayer = undefined;
    process.space.pids.add(process.pid);
    this.begin(process, image);
    return true;
  }

  /** What has come since it was seen half made. */
  #complete({ pid, space }: AccountedProcess, { startBrk }: Image): void {
    if (space.isExact) return;
    if (startBrk !== space.startBrk) space.begin(startBrk);
    const data = this.#state.targets.size(pid)?.data ?? 0;
    if (data > space.pages) space.add(data - space.pages);
  }

  /** Whether it has the memory that it is known to have: as others do who have not become another program themselves. */
  #hasMemoryOf({ pid, space }: AccountedProcess): boolean {
    const { targets } = this.#state;
    for (const other of space.pids) {
      if (other === pid) continue;
      if (targets.sharesMemory(other, pid)) return true;
      if (targets.image(other)?.layout === this.find(other)?.layout) return false;
    }
    return true;
  }

  /** A process of this image that has the same memory as `pid`. */
  memorySharerOf(pid: number, layout: string): AccountedProcess | undefined {
    for (const process of this) {
      const isLike = process.pid !== pid && process.layout === layout;
      if (isLike && this.#state.targets.sharesMemory(process.pid, pid)) return process;
    }
    return undefined;
  }

  /** It is a program that has just begun, with what that brings. */
  begin(process: AccountedProcess, { startBrk }: Image): AccountedProcess {
    const { targets, figures } = this.#state;
    const { pid, space } = process;
    space.begin(startBrk);
    space.add(targets.size(pid)?.data ?? 0);
    figures.note(space.payer);
    return this.record(process);
  }

  /** Whether what became of its real uid is known: it is another, or the call that was to change it `isOver`. */
  #refreshUid(process: AccountedProcess, isOver: boolean): boolean {
    const { targets, uids, grants } = this.#state;
    const { pid, space } = process;
    const ids = targets.ids(pid);
    if (!ids || ids.ruid === (process.nextPayer ?? space.payer).uid) return isOver;
    for (const other of [...space.pids]) if (other !== pid) this.#refreshSharer(other);
    // The memory is still that of who shares it; of one that starts a command nothing counts.
    if (space.pids.size > 1 || process.launching) {
      process.nextPayer = uids.find(ids.ruid);
      this.record(process);
      return true;
    }
    const { calls, pages } = grants.underway((each) => each === space);
    const vmas = targets.map(pid, calls > 0);
    // What stays with who paid for it the map alone tells: asked again when it can be had.
    if (!vmas) return false;
    space.changePayer(uids.find(ids.ruid), vmas, pages, calls === 0);
    this.recordPayers(space);
    return true;
  }

  /** Whoever had a memory may have ended, or become another program, and nobody has been told yet. */
  #refreshSharer(pid: number): void {
    const process = this.find(pid);
    if (!process) return;
    if (this.isGone(process)) this.exited(process);
    else this.#refreshProgram(process);
  }

  /** Whether it has ended. Of one that nobody has looked at it is only known whether its number is in use. */
  isGone({ pid, startTicks }: AccountedProcess): boolean {
    const { targets } = this.#state;
    const image = targets.image(pid);
    return image ? image.startTicks !== startTicks : !targets.ids(pid);
  }

  exited(process: AccountedProcess): void {
    if (this.#processes.get(process.pid) !== process) return;
    this.#processes.delete(process.pid);
    for (const tid of process.tids) if (this.#byThread.get(tid) === process) this.#byThread.delete(tid);
    this.#state.grants.forget(process);
    this.#leave(process);
    // Not before whoever has its memory is written down.
    this.#state.recorder.drop(PROCESS_RECORD + process.pid);
  }

  #leave(process: AccountedProcess): void {
    const { pid, space } = process;
    space.pids.delete(pid);
    this.#observer.left(process);
    if (space.pids.size > 0) return;
    space.release();
    this.#state.objects.left(space);
  }

  addThread(process: AccountedProcess, tid: number): void {
    if (process.tids.size >= process.mostTids) this.#forgetThreads(process);
    process.tids.add(tid);
    this.#byThread.set(tid, process);
  }

  /** Forgets threads that are gone; asked again when there are twice as many as are left. */
  #forgetThreads(process: AccountedProcess): void {
    for (const tid of process.tids) {
      if (this.#state.targets.hasThread(process.pid, tid)) continue;
      process.tids.delete(tid);
      if (this.#byThread.get(tid) === process) this.#byThread.delete(tid);
    }
    process.mostTids = Math.max(process.mostTids, 2 * process.tids.size);
  }
}
