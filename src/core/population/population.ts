import { JOB_RECORD, jobRecord, PROCESS_RECORD, processRecord } from "../grants/records.ts";
import type { Job } from "../space/job.ts";
import { type LimitCell, limitCell, type SwapLimit } from "../space/limit.ts";
import { type Image, ifMapIsThere } from "../space/ports.ts";
import { AccountedProcess, type PendingChange, type ProgramImage } from "../space/process.ts";
import { Space } from "../space/space.ts";
import type { AccountsState, PopulationObserver } from "./accounts-state.ts";
import { ProcessChanges } from "./process-changes.ts";

/**
 * The processes under accounting: registers them, applies exec and changes of the uid, and forgets them when they exit. It owns each
 * process and writes its journal record; it releases a space when its last process leaves it.
 */
export class Population {
  readonly #state: AccountsState;
  /** By pid. */
  readonly #processes = new Map<number, AccountedProcess>();
  /** By the ids of threads other than the main one that have made a trapped call. */
  readonly #byThread = new Map<number, AccountedProcess>();
  readonly #observer: PopulationObserver;
  readonly #changes: ProcessChanges;

  constructor(state: AccountsState, observer: PopulationObserver) {
    this.#state = state;
    this.#observer = observer;
    this.#changes = new ProcessChanges(state, this);
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

  /** The process of a thread that has made a trapped call before; undefined for every other thread. */
  ofThread(tid: number): AccountedProcess | undefined {
    const leads = this.#processes.get(tid);
    if (leads) return leads;
    const known = this.#byThread.get(tid);
    return known && this.#state.targets.hasThread(known.pid, tid) ? known : undefined;
  }

  /** Registers a running process and charges what its map shows, whatever the limits. */
  enter(pid: number, image: Image, ruid: number, job: Job, limit: LimitCell): AccountedProcess {
    const { ledger, uids } = this.#state;
    const process = this.arrive(pid, image, new Space(ledger, job, uids.find(ruid)), limit);
    process.space.heap.beginRunning(image.startBrk);
    this.countAll(process);
    this.#state.figures.note(process.space.payer);
    return this.record(process);
  }

  /** Registers the launcher of a command: nothing is charged before its exec. */
  launch(pid: number, image: ProgramImage, ruid: number, job: Job, limit: LimitCell): AccountedProcess {
    const process = this.restore(pid, image, ruid, job, limit);
    process.launching = true;
    return this.record(process);
  }

  /** Registers a process of a journal record, uncharged. Its record is not written again: the caller has not taken over all of it yet. */
  restore(pid: number, image: ProgramImage, ruid: number, job: Job, limit: LimitCell): AccountedProcess {
    const { ledger, uids } = this.#state;
    const process = this.arrive(pid, image, new Space(ledger, job, uids.find(ruid)), limit);
    process.pendingExec = "unknown";
    return process;
  }

  /**
   * Sets RLIMIT_SWAP of a process, and of children that it creates from now on. Other processes that share its limit keep that. While there
   * is none, the new limit also becomes that of its job, for processes that enter the job without a known parent.
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

  /** Writes the journal record of a process: to be called when something in it has changed. Returns the process. */
  record(process: AccountedProcess): AccountedProcess {
    this.#state.recorder.put(PROCESS_RECORD + process.pid, processRecord(process));
    return process;
  }

  /** Writes the records of all processes of a space, if its payer or foreign ranges have changed since the last time. */
  recordPayers(space: Space): void {
    if (!space.payersChanged) return;
    space.payersChanged = false;
    for (const pid of space.pids) {
      const process = this.find(pid);
      if (process) this.record(process);
    }
  }

  /** `process` was found to share the address space of another process: its own space is left. */
  shareSpace(process: AccountedProcess, space: Space): void {
    this.#leave(process);
    process.space = space;
    space.pids.add(process.pid);
  }

  /**
   * Registers a process with that address space. The caller charges it and writes its record. A process that is still registered under the
   * same pid has exited.
   */
  arrive(pid: number, image: ProgramImage, space: Space, limit: LimitCell): AccountedProcess {
    for (let before = this.find(pid); before; before = this.find(pid)) this.exited(before);
    const process = new AccountedProcess(pid, image, space, limit, this.#state.targets);
    space.pids.add(pid);
    this.#processes.set(pid, process);
    this.#observer.arrived(process);
    this.#state.witness.started(process);
    return process;
  }

  /** Charges what the map shows, whatever the limits; where the map is not there in time, at least the data pages. */
  countAll({ pid, space }: AccountedProcess): void {
    const vmas = ifMapIsThere(() => this.#state.targets.map(pid, false));
    if (!vmas) {
      // The next read of the map corrects it.
      space.isExact = false;
      space.add(Math.max(0, (this.#state.targets.size(pid)?.data ?? 0) - space.pages));
      return;
    }
    space.correct(vmas, 0, true);
    this.#state.objects.seen(space, vmas, true);
  }

  /** Thread `by` was allowed to exec; undefined takes that back. {@link refresh} finds out whether it has happened. */
  execs(process: AccountedProcess, by: PendingChange): void {
    process.pendingExec = by;
  }

  /** As {@link execs}, for a change of the real uid. */
  changesUid(process: AccountedProcess, by: PendingChange): void {
    process.pendingUid = by;
  }

  /**
   * Finds out whether a pending exec or change of the uid has happened. `caller`: that thread makes another call, so its last one is over.
   * Without it the exec may be under way, and what is seen may be half of the new program.
   */
  refresh(process: AccountedProcess, caller?: number): void {
    this.#changes.refresh(process, caller);
  }

  /**
   * The process has executed the program of `image`: its old space is left, and a new one begins, charged with what the program has now.
   */
  replaceProgram(process: AccountedProcess, image: Image): void {
    const { ledger, grants } = this.#state;
    process.launching = false;
    // Before the space is left: the search for its remaining sharers may refresh this process again.
    process.pendingExec = undefined;
    grants.forget(process);
    const { space } = process;
    this.#leave(process);
    process.image = image;
    process.space = new Space(ledger, space.job, process.nextPayer ?? space.payer);
    process.nextPayer = undefined;
    process.space.pids.add(process.pid);
    this.begin(process, image);
  }

  /** A registered process of this image that shares the address space of process `pid`. */
  memorySharerOf(pid: number, layout: string): AccountedProcess | undefined {
    for (const process of this) {
      const isLike = process.pid !== pid && process.layout === layout;
      if (isLike && this.#state.targets.sharesMemory(process.pid, pid)) return process;
    }
    return undefined;
  }

  /** A program has just begun in the space of this process: charges its data pages. Returns the process. */
  begin(process: AccountedProcess, { startBrk }: Image): AccountedProcess {
    const { targets, figures } = this.#state;
    const { pid, space } = process;
    space.heap.begin(startBrk);
    space.add(targets.size(pid)?.data ?? 0);
    figures.note(space.payer);
    this.#state.witness.became(process);
    return this.record(process);
  }

  /** Whether the process has exited. While its image cannot be read, all that is known is whether its pid is in use. */
  isGone({ pid, startTicks }: AccountedProcess): boolean {
    const { targets } = this.#state;
    const image = targets.image(pid);
    return image ? image.startTicks !== startTicks : !targets.ids(pid);
  }

  /** The process has exited: forgets it, its threads, calls and record, and gives back its space unless somebody shares it. */
  exited(process: AccountedProcess): void {
    if (this.#processes.get(process.pid) !== process) return;
    this.#state.witness.ended(process);
    this.#processes.delete(process.pid);
    for (const tid of process.tids) if (this.#byThread.get(tid) === process) this.#byThread.delete(tid);
    this.#state.grants.forget(process);
    this.#leave(process);
    // After `#leave`: a process that shares the space has its own record by then, if this daemon is killed here.
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

  /** Thread `tid` of the process has made a trapped call. */
  addThread(process: AccountedProcess, tid: number): void {
    if (process.tids.size >= process.mostTids) this.#forgetThreads(process);
    process.tids.add(tid);
    this.#byThread.set(tid, process);
  }

  /** Forgets exited threads; the next time when there are twice as many as are left now. */
  #forgetThreads(process: AccountedProcess): void {
    for (const tid of process.tids) {
      if (this.#state.targets.hasThread(process.pid, tid)) continue;
      process.tids.delete(tid);
      if (this.#byThread.get(tid) === process) this.#byThread.delete(tid);
    }
    process.mostTids = Math.max(process.mostTids, 2 * process.tids.size);
  }
}
