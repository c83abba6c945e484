import { ERRNO } from "../base/errno.ts";
import { HeldDisks } from "../charges/disk-charges.ts";
import { type Console, NO_CONSOLE, type SwapConfig, SwapLedger } from "../charges/swap-ledger.ts";
import { UidInfos } from "../charges/uidinfo.ts";
import { Grants } from "../grants/grants.ts";
import { NO_RECORDER, OVERCOMMIT_RECORD, type Recorder } from "../grants/records.ts";
import { SharedObjects } from "../grants/shared-objects.ts";
import type { AccountsState } from "../population/accounts-state.ts";
import { Arrivals } from "../population/arrivals.ts";
import { Population } from "../population/population.ts";
import { UidAccounts } from "../population/uid-accounts.ts";
import { NO_WITNESS, type Witness } from "../population/witness.ts";
import { Job } from "../space/job.ts";
import { NO_LIMIT, type SwapLimit } from "../space/limit.ts";
import { ifMapIsThere, type Targets, type Vma } from "../space/ports.ts";
import type { AccountedProcess } from "../space/process.ts";
import { isHidden } from "../space/ranges.ts";
import type { Space } from "../space/space.ts";
import type { TrappedCall } from "../trap/notification.ts";
import { OPERATIONS, type OperationContext } from "./operations.ts";
import { Room } from "./room.ts";

/**
 * What is decided about a trapped call. `continue`: the kernel carries it out. `errno`: it fails. `value`: it does nothing and returns
 * that. `wait`: not decided, since calls that were granted before may still turn out not to have happened; ask again in a moment.
 */
export type Verdict = "continue" | "wait" | { readonly errno: number } | { readonly value: number };

/** How many lines about shortfalls are kept. */
const MAX_SHORTFALLS = 16;
/** How many pages above its data pages a space may be charged before a new peak is checked against the map: 16 MiB. */
const TOLERATED_PAGES = 4096;

export interface AccountsOptions {
  /** Where messages about refusals go. */
  readonly console?: Console;
  /** The journal: what a successor needs when this daemon is killed. */
  readonly recorder?: Recorder;
  /** Told of what those want to know who look back. */
  readonly witness?: Witness;
  /** Called for every process that is registered. The callee has to call {@link Population.exited} when the process exits. */
  readonly arrived?: (process: AccountedProcess) => void;
  /** Has to call {@link Population.exited} for every exit that has happened by now, before it returns. */
  readonly collectExits?: () => void;
}

/**
 * The live accounts: decides about trapped calls, and knows what every process, uid and job has reserved. Sees the machine through
 * {@link Targets} only. One per daemon, used by one thread.
 */
export class Accounts {
  readonly targets: Targets;
  readonly ledger: SwapLedger;
  readonly uids: UidInfos = new UidInfos();
  readonly figures: UidAccounts = new UidAccounts();
  readonly objects: SharedObjects;
  readonly population: Population;
  readonly arrivals: Arrivals;
  /** A line for each of the last spaces that the kernel had counted more for than was charged; the difference has been charged since. */
  readonly shortfalls: string[] = [];
  /** The job of a process of which no other is known. */
  readonly rootJob: Job = new Job(0);
  /** Every job that may have processes. */
  readonly jobs: Set<Job> = new Set([this.rootJob]);
  /** The charges of memory disks. */
  readonly disks: HeldDisks;
  /** Calls that were allowed and have not been seen to be over. */
  readonly grants: Grants;
  readonly recorder: Recorder;
  readonly witness: Witness;
  readonly context: OperationContext;
  readonly #room: Room = new Room(this);

  constructor(targets: Targets, config: SwapConfig, options: AccountsOptions = {}) {
    const { console = NO_CONSOLE, recorder = NO_RECORDER, witness = NO_WITNESS } = options;
    const { arrived = () => {}, collectExits = () => {} } = options;
    this.targets = targets;
    this.recorder = recorder;
    this.witness = witness;
    this.ledger = new SwapLedger(config, console);
    this.disks = new HeldDisks(this.ledger, this.uids);
    this.grants = new Grants(targets, recorder);
    this.objects = new SharedObjects(this.ledger, targets, this.grants, recorder);
    const { ledger, uids, figures, objects, grants } = this;
    this.context = { targets, objects, grants };
    const state: AccountsState = { targets, ledger, uids, figures, objects, grants, recorder, witness };
    this.population = new Population(state, { arrived, left: (process) => this.arrivals.left(process) });
    this.arrivals = new Arrivals(state, this.population, collectExits);
  }

  /** A trapped call of `tid` was received, so the previous call of that thread is over. To be called once a call, before {@link admit}. */
  arrived(tid: number): void {
    this.grants.returned(tid);
  }

  /**
   * Decides about a call; the charge is made when `continue` is returned. `job` is that of the filter which trapped the call: an unknown
   * process without a known parent gets it. `last`: the result is not `wait`. Throws NOT_YET where a map is being read elsewhere and
   * nothing has been changed: the caller asks again.
   */
  admit(call: TrappedCall, job: Job, last: boolean): Verdict {
    const { operation } = call;
    if (OPERATIONS[operation.kind].isIgnored) return "continue";
    if (operation.kind === "exec" && this.arrivals.postpone(call.tid, job)) return "continue";
    const process = this.arrivals.ofThread(call.tid, job);
    if (!process) return "continue";
    this.population.refresh(process, call.tid);
    if (operation.kind === "exec") this.arrivals.execs(process, call.tid);
    else if (operation.kind === "setuid") {
      // Once it has the other uid, its image may not be readable for the journal record any more.
      this.arrivals.stays(process);
      this.population.changesUid(process, call.tid);
    } else if (!process.launching) return this.#decide(process, call, last);
    return "continue";
  }

  #decide(process: AccountedProcess, call: TrappedCall, last: boolean): Verdict {
    const { space } = process;
    const { operation } = call;
    const row = OPERATIONS[operation.kind];
    if (operation.kind === "brk" && !this.#knowsBrk(process)) {
      // A refusal would have to return the present end, which is not known. So the call goes on, and the next read of the map charges it.
      space.heap.begin(operation.address);
      return "continue";
    }
    let need = row.upperBound(operation, process, this.context);
    if (row.needsMap?.(operation, space, this.context)) {
      const seen = this.#fromMap(process, call);
      // The map alone is not enough: another thread may change it before this call happens.
      need = Math.max(seen, row.upperBound(operation, process, this.context));
    }
    if (need > 0 && !this.#room.fits(process, need)) {
      need = this.#exactly(process, call, need);
      if (need > 0 && !this.#room.fits(process, need)) {
        const isHopeless = this.#room.isHopeless(process, need);
        const rivals = this.#room.rivals(process, need);
        const hasRoom = !isHopeless && this.#room.make(process, need, rivals);
        if (!hasRoom && !isHopeless && !last && this.isUnsettled(rivals)) return "wait";
        if (!hasRoom) return this.#refuse(process, call, need);
      }
    }
    const grant = row.grant(operation, process, call, need, this.context);
    if (grant) this.grants.open(grant);
    if (space.payersChanged) this.population.recordPayers(space);
    if (need > 0 && space.payer.vmsize > this.figures.of(space.payer).lately) this.#notePeak(process);
    return "continue";
  }

  /**
   * The pages that the call really adds. That is `bound`, without a read of the map, where the bound and the charge of the space are exact.
   */
  #exactly(process: AccountedProcess, call: TrappedCall, bound: number): number {
    const isExact = OPERATIONS[call.operation.kind].isBoundExact?.(call.operation) === true;
    return isExact && this.#room.isUnchanged(process.space) ? bound : this.#fromMap(process, call);
  }

  /**
   * Reads the map of the caller's space. Returns the pages that the call really adds; where the map cannot tell, the upper bound as of now.
   */
  #fromMap(process: AccountedProcess, { operation }: TrappedCall): number {
    const { space } = process;
    const vmas = this.readMap(space);
    const { fromMap, upperBound } = OPERATIONS[operation.kind];
    if (vmas && fromMap && !isHidden(vmas)) return fromMap(operation, vmas, space);
    return upperBound(operation, process, this.context);
  }

  /** Whether the end of the caller's data segment is known, so that a refused brk can return it. */
  #knowsBrk(process: AccountedProcess): boolean {
    const { space, pid } = process;
    if (space.heap.end === 0) space.heap.beginRunning(this.targets.image(pid)?.startBrk ?? 0);
    // An earlier decision about this call may have begun the segment already, when the map could not be had.
    return space.heap.end !== 0 && (!space.heap.isEndAssumed || this.readMap(space) !== undefined);
  }

  /**
   * Notes a new peak of the payer's total. The total may be too high, since munmap is not trapped: the map is read first where that is
   * likely.
   */
  #notePeak({ pid, space }: AccountedProcess): void {
    const data = this.targets.size(pid)?.data ?? 0;
    if (space.pages > data + TOLERATED_PAGES) ifMapIsThere(() => this.readMap(space));
    this.figures.note(space.payer);
  }

  /** Whether a granted call of one of these spaces is open: its charge may still be given back. */
  isUnsettled(concerned: (space: Space) => boolean = () => true): boolean {
    return this.grants.isUnsettled(concerned);
  }

  /** The kernel did not carry out the last granted call of thread `tid`: its notification was gone when it was answered. */
  cancelled(tid: number): void {
    const grant = this.grants.cancelled(tid);
    if (grant) this.population.recordPayers(grant.space);
  }

  /**
   * Reads the kernel's map of a space and corrects the charge by it. Returns the VMAs; undefined where the process is gone, executes
   * another program by now, or its map cannot be had in time. NOT_YET as {@link Targets.map}.
   */
  readMap(space: Space): readonly Vma[] | undefined {
    const [pid] = space.pids;
    const process = pid === undefined ? undefined : this.population.find(pid);
    if (!process) return undefined;
    this.population.refresh(process);
    if (process.launching || process.space !== space) return undefined;
    // Asked before the map is read: a call that is over by now is in the map.
    const { calls, pages } = this.grants.underway((each) => each === space);
    const before = this.targets.size(process.pid);
    const vmas = this.targets.map(process.pid, calls > 0);
    if (!before || !vmas) {
      if (this.population.isGone(process)) this.population.exited(process);
      return undefined;
    }
    this.#findShortfall(process, vmas);
    space.correct(vmas, pages, calls === 0);
    this.population.recordPayers(space);
    // An exec that is under way may still be building the address space.
    if (process.pendingExec !== undefined) space.isExact = false;
    this.objects.seen(space, vmas, calls === 0);
    const after = this.targets.size(process.pid);
    if (calls === 0 && after?.total === before.total && after.data === before.data) space.sizeAtRead = after;
    return vmas;
  }

  /**
   * Notes where the kernel counts more pages than are charged: a call has escaped the filter. A stack is left out, since page faults grow
   * it.
   */
  #findShortfall({ pid, space }: AccountedProcess, vmas: readonly Vma[]): void {
    const reserved = vmas.reduce((sum, vma) => sum + (vma.accounted && !vma.stack ? vma.end - vma.start : 0), 0);
    if (!space.isExact || isHidden(vmas) || reserved <= space.pages) return;
    this.shortfalls.push(`process ${pid}: ${space.pages} pages were charged, ${reserved} reserved`);
    if (this.shortfalls.length > MAX_SHORTFALLS) this.shortfalls.shift();
  }

  /** Registers every process that has not called yet, and does {@link readMap} for every space. */
  readAllMaps(): void {
    this.arrivals.findPending();
    for (const process of this.population) {
      this.population.refresh(process);
      this.readMap(process.space);
    }
    this.objects.sweep(this.population, true);
  }

  /** Sets RLIMIT_SWAP of a process, and of children that it makes from now on. */
  setLimit(process: AccountedProcess, limit: SwapLimit): void {
    // Children that exist but have made no call are registered first: they keep the limit of before.
    this.arrivals.findPending();
    this.arrivals.findVforkChildren(process);
    this.population.setLimit(process, limit);
    this.witness.limited(`process ${process.pid}`, limit);
  }

  /** Sets {@link SwapLedger.overcommit}. The bits are in the journal, so a successor goes on with them. */
  setOvercommit(bits: number): void {
    this.ledger.overcommit = bits;
    this.recorder.put(OVERCOMMIT_RECORD, bits);
    this.witness.limited(`overcommit ${bits}`, NO_LIMIT);
  }

  #refuse(process: AccountedProcess, { name, operation }: TrappedCall, pages: number): Verdict {
    const { payer, heap } = process.space;
    const refusal = this.#room.refusalOf(process, pages)!;
    const refused = { timeMs: Date.now(), call: name, pages, ...refusal };
    process.remember(refused);
    this.witness.refused(process, refused);
    this.figures.of(payer).refusals++;
    const full = refusal.reason === "job" ? process.space.job.exceededBy(pages) : undefined;
    if (full instanceof Job) full.refusals++;
    this.ledger.tellRefusal(pages, payer, process);
    // The system call brk reports no error: a refused one returns the present end of the data segment.
    return operation.kind === "brk" ? { value: heap.end } : { errno: ERRNO.ENOMEM };
  }
}
