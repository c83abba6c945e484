import { ERRNO } from "../base/errno.ts";
import { HeldDisks } from "../charges/disk-charges.ts";
import {
  type Console,
  type Refusal as LedgerRefusal,
  NO_CONSOLE,
  type SwapConfig,
  SwapLedger,
} from "../charges/swap-ledger.ts";
import { UidInfos } from "../charges/uidinfo.ts";
import type { AccountsState } from "./accounts-state.ts";
import { Arrivals } from "./arrivals.ts";
import { Grants } from "./grants.ts";
import { Job } from "./job.ts";
import type { SwapLimit } from "./limit.ts";
import type { TrappedCall } from "./notification.ts";
import { OPERATIONS, type OperationContext } from "./operations.ts";
import { Population } from "./population.ts";
import { ifMapIsThere, type Targets, type Vma } from "./ports.ts";
import type { AccountedProcess } from "./process.ts";
import { isHidden } from "./ranges.ts";
import { NO_RECORDER, OVERCOMMIT_RECORD, type Recorder } from "./records.ts";
import { SharedObjects } from "./shared-objects.ts";
import type { Space } from "./space.ts";
import { UidAccounts } from "./uid-accounts.ts";

/**
 * `wait`: calls let go before may still change the answer; ask again in a moment. Otherwise the call fails, or does nothing and
 * returns a value.
 */
export type Verdict = "continue" | "wait" | { readonly errno: number } | { readonly value: number };

const SHORTFALLS = 16;
/** So much may a peak be too high: 16 MiB. */
const TOLERATED_PAGES = 4096;

export interface AccountsOptions {
  readonly console?: Console;
  /** Where it is written down what a successor has to know. */
  readonly recorder?: Recorder;
  /** Told of every process that comes; it is to tell {@link Population.exited} of its end. */
  readonly arrived?: (process: AccountedProcess) => void;
  /** Has all exits told that have happened by now. */
  readonly collectExits?: () => void;
}

/** The live accounts: decides about trapped calls, and knows what every process, uid and job has reserved. */
export class Accounts {
  readonly targets: Targets;
  readonly ledger: SwapLedger;
  readonly uids: UidInfos = new UidInfos();
  readonly figures: UidAccounts = new UidAccounts();
  readonly objects: SharedObjects;
  readonly population: Population;
  readonly arrivals: Arrivals;
  /** What was found to be reserved and not charged, and has been charged since: the last of it. */
  readonly shortfalls: string[] = [];
  /** For a process that comes without a job of its own. */
  readonly rootJob: Job = new Job(0);
  /** All that may have processes. */
  readonly jobs: Set<Job> = new Set([this.rootJob]);
  /** What memory disks hold. */
  readonly disks: HeldDisks;
  /** What was allowed and has not been seen to be over. */
  readonly grants: Grants;
  readonly recorder: Recorder;
  readonly context: OperationContext;

  constructor(
    targets: Targets,
    config: SwapConfig,
    { console = NO_CONSOLE, recorder = NO_RECORDER, arrived = () => {}, collectExits = () => {} }: AccountsOptions = {},
  ) {
    this.targets = targets;
    this.recorder = recorder;
    this.ledger = new SwapLedger(config, console);
    this.disks = new HeldDisks(this.ledger, this.uids);
    this.grants = new Grants(targets, recorder);
    this.objects = new SharedObjects(this.ledger, targets, this.grants, recorder);
    const { ledger, uids, figures, objects, grants } = this;
    this.context = { targets, objects, grants };
    const state: AccountsState = { targets, ledger, uids, figures, objects, grants, recorder };
    this.population = new Population(state, { arrived, left: (process) => this.arrivals.left(process) });
    this.arrivals = new Arrivals(state, this.population, collectExits);
  }

  /** A trapped call is seen for the first time: what its thread did before is over. */
  arrived(tid: number): void {
    this.grants.returned(tid);
  }

  /** Decides. `last`: no more waiting for other calls. */
  admit(call: TrappedCall, job: Job, last: boolean): Verdict {
    const { operation } = call;
    if (OPERATIONS[operation.kind].isIgnored) return "continue";
    if (operation.kind === "exec" && this.arrivals.postpone(call.tid, job)) return "continue";
    const process = this.arrivals.ofThread(call.tid, job);
    if (!process) return "continue";
    this.population.refresh(process, call.tid);
    if (operation.kind === "exec") this.arrivals.execs(process, call.tid);
    else if (operation.kind === "setuid") {
      // As another user it may be one that cannot be looked at.
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
      // Nobody could be told where it is: it goes on, and a look finds what it brings.
      space.begin(operation.address);
      return "continue";
    }
    let need = row.upperBound(operation, process, this.context);
    if (row.needsMap?.(operation, space, this.context)) {
      const seen = this.#fromMap(process, call);
      // Not what the map says alone: another thread may change it before this call happens.
      need = Math.max(seen, row.upperBound(operation, process, this.context));
    }
    if (need > 0 && !this.#fits(process, need)) {
      need = this.#exactly(process, call, need);
      if (need > 0 && !this.#fits(process, need)) {
        const isHopeless = this.#isHopeless(process, need);
        const rivals = this.#rivals(process, need);
        const hasRoom = !isHopeless && this.#makeRoom(process, need, rivals);
        if (!hasRoom && !isHopeless && !last && this.isUnsettled(rivals)) return "wait";
        if (!hasRoom) return this.#refuse(process, call, need);
      }
    }
    const grant = row.grant(operation, process, call, need, this.context);
    if (grant) this.grants.open(grant);
    if (space.payersChanged) this.population.recordPayers(space);
    if (need > 0 && space.payer.vmsize > this.figures.of(space.payer).peak) this.#notePeak(process);
    return "continue";
  }

  /** The pages that the call really adds: its bound, where that and the charge of the caller's space are exact. */
  #exactly(process: AccountedProcess, call: TrappedCall, bound: number): number {
    const isExact = OPERATIONS[call.operation.kind].isBoundExact?.(call.operation) === true;
    return isExact && this.#isUnchanged(process.space) ? bound : this.#fromMap(process, call);
  }

  /**
   * Whether there is no room for so much more though everybody else gave back all they have: what the caller has, and the kernel has
   * confirmed, is too much already. Then nobody has to be looked at, or waited for.
   */
  #isHopeless(process: AccountedProcess, need: number): boolean {
    const { space } = process;
    if (!space.sizeAtRead || !space.isExact) return false;
    const refusal = this.#refusalOf(process, need);
    return refusal !== undefined && space.own + need > refusal.limit;
  }

  /** Reads the map of the caller's space: the pages that the call really adds, or the bound, which the map has corrected. */
  #fromMap(process: AccountedProcess, { operation }: TrappedCall): number {
    const { space } = process;
    const vmas = this.readMap(space);
    const { fromMap, upperBound } = OPERATIONS[operation.kind];
    if (vmas && fromMap && !isHidden(vmas)) return fromMap(operation, vmas, space);
    return upperBound(operation, process, this.context);
  }

  /** Whether it is known where the data segment of a process that is trapped ends. */
  #knowsBrk(process: AccountedProcess): boolean {
    const { space, pid } = process;
    if (space.brk === 0) space.beginRunning(this.targets.image(pid)?.startBrk ?? 0);
    // Also where that was adopted by a decision that is made again, or when the map could not be had.
    return space.brk !== 0 && (!space.isBrkAssumed || this.readMap(space) !== undefined);
  }

  /** A total higher than ever may only be one that knows too little of what was given back. */
  #notePeak({ pid, space }: AccountedProcess): void {
    const data = this.targets.size(pid)?.data ?? 0;
    if (space.pages > data + TOLERATED_PAGES) ifMapIsThere(() => this.readMap(space));
    this.figures.note(space.payer);
  }

  #fits(process: AccountedProcess, pages: number): boolean {
    return this.#refusalOf(process, pages) === undefined;
  }

  /** Which limit leaves no room for so much more. */
  #refusalOf(process: AccountedProcess, pages: number): LedgerRefusal | undefined {
    const { payer, job } = process.space;
    return this.ledger.refusalOf(pages, payer, process, job);
  }

  /** Which spaces count against the limit that leaves no room for so much more. */
  #rivals({ space: { payer, job } }: AccountedProcess, pages: number): (space: Space) => boolean {
    const full = job.without(pages);
    if (full) return (space) => space.job.isWithin(full);
    if (!this.ledger.hasSupply(pages)) return () => true;
    return (space) => space.payer === payer || space.foreign.some((range) => range.payer === payer);
  }

  /** Looks at the reservations of `rivals`, one after the other, until there is room. */
  #makeRoom(process: AccountedProcess, pages: number, rivals: (space: Space) => boolean): boolean {
    this.arrivals.findPending();
    this.objects.sweep(this.population, false);
    // What was granted before its uid changed may never have come to be mapped.
    const concerns = (space: Space): boolean => rivals(space) || this.objects.hasUnseen(space);
    for (const other of this.population) {
      this.population.refresh(other);
      const { space } = other;
      if (this.#fits(process, pages)) return true;
      if (space !== process.space && concerns(space) && !this.#isUnchanged(space)) this.readMap(space);
    }
    return this.#fits(process, pages);
  }

  /** Whether the quick figures say that nothing has been mapped or unmapped since the last look. */
  #isUnchanged(space: Space): boolean {
    const { sizeAtRead, pids } = space;
    if (this.objects.hasUnseen(space)) return false;
    const [pid] = pids;
    const size = sizeAtRead && pid !== undefined ? this.targets.size(pid) : undefined;
    return size !== undefined && size.total === sizeAtRead!.total && size.data === sizeAtRead!.data;
  }

  /** Whether something granted to one of these spaces may still turn out not to have happened. */
  isUnsettled(concerned: (space: Space) => boolean = () => true): boolean {
    return this.grants.isUnsettled(concerned);
  }

  /** The kernel did not carry out what `tid` was granted last. */
  cancelled(tid: number): void {
    const grant = this.grants.cancelled(tid);
    if (grant) this.population.recordPayers(grant.space);
  }

  /** Corrects what is known of a space by the kernel's own map, which it returns. */
  readMap(space: Space): readonly Vma[] | undefined {
    const [pid] = space.pids;
    const process = pid === undefined ? undefined : this.population.find(pid);
    if (!process) return undefined;
    this.population.refresh(process);
    if (process.launching || process.space !== space) return undefined;
    // What is over before the map is read is in it.
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
    // Exec may still be building it.
    if (process.pendingExec !== undefined) space.isExact = false;
    this.objects.seen(space, vmas, calls === 0);
    const after = this.targets.size(process.pid);
    if (calls === 0 && after?.total === before.total && after.data === before.data) space.sizeAtRead = after;
    return vmas;
  }

  /** Charges are upper bounds: that the kernel counts more means that something escaped us. The stack grows unasked. */
  #findShortfall({ pid, space }: AccountedProcess, vmas: readonly Vma[]): void {
    const reserved = vmas.reduce((sum, vma) => sum + (vma.accounted && !vma.stack ? vma.end - vma.start : 0), 0);
    if (!space.isExact || isHidden(vmas) || reserved <= space.pages) return;
    this.shortfalls.push(`process ${pid}: ${space.pages} pages were charged, ${reserved} reserved`);
    if (this.shortfalls.length > SHORTFALLS) this.shortfalls.shift();
  }

  /** As {@link readMap}, of every space. */
  readAllMaps(): void {
    this.arrivals.findPending();
    for (const process of this.population) {
      this.population.refresh(process);
      this.readMap(process.space);
    }
    this.objects.sweep(this.population, true);
  }

  /** RLIMIT_SWAP of a process, and of children that it makes from now on. */
  setLimit(process: AccountedProcess, limit: SwapLimit): void {
    // Children that are there already have the one before.
    this.arrivals.findPending();
    this.arrivals.findVforkChildren(process);
    this.population.setLimit(process, limit);
  }

  /** The bits of the policy, {@link SwapLedger.overcommit}; they outlive this process. */
  setOvercommit(bits: number): void {
    this.ledger.overcommit = bits;
    this.recorder.put(OVERCOMMIT_RECORD, bits);
  }

  #refuse(process: AccountedProcess, { name, operation }: TrappedCall, pages: number): Verdict {
    const { payer, brk } = process.space;
    const refusal = this.#refusalOf(process, pages)!;
    process.remember({ timeMs: Date.now(), call: name, pages, ...refusal });
    this.figures.of(payer).refusals++;
    this.ledger.tellRefusal(pages, payer, process);
    // brk(2) itself reports no error: it returns where the segment ends.
    return operation.kind === "brk" ? { value: brk } : { errno: ERRNO.ENOMEM };
  }
}
