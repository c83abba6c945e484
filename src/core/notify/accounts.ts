import { ERRNO } from "../base/errno.ts";
import { type Console, NO_CONSOLE, type SwapConfig, SwapLedger } from "../vm/swap-ledger.ts";
import { type UidInfo, UidInfos } from "../vm/uidinfo.ts";
import { Arrivals } from "./arrivals.ts";
import { Job } from "./job.ts";
import { LetGo } from "./let-go.ts";
import { atMost, exactly } from "./need.ts";
import type { TrappedCall } from "./notification.ts";
import type { Operation } from "./operation.ts";
import { type Books, Population } from "./population.ts";
import { ifLooked, type Targets, type Vma } from "./ports.ts";
import type { AccountedProcess, Refusal } from "./process.ts";
import { NO_RECORDER, type Recorder } from "./records.ts";
import { SharedObjects } from "./shared-objects.ts";
import { isHidden, type Space } from "./space.ts";
import { UidAccounts } from "./uid-accounts.ts";
import { CallsUnderway } from "./underway.ts";

/**
 * `wait`: calls let go before may still change the answer; ask again in a moment. Otherwise the call fails, or does nothing and
 * returns a value.
 */
export type Verdict = "continue" | "wait" | { readonly errno: number } | { readonly value: number };

const SHORTFALLS = 16;
/** So much may a peak be too high: 16 MiB. */
const TOLERATED_PAGES = 4096;

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
  disks: () => Iterable<{ readonly payer: UidInfo; readonly pages: number }> = () => [];
  readonly #underway: CallsUnderway;

  constructor(targets: Targets, config: SwapConfig, console: Console = NO_CONSOLE, recorder: Recorder = NO_RECORDER) {
    this.targets = targets;
    this.ledger = new SwapLedger(config, console);
    this.objects = new SharedObjects(this.ledger, targets, recorder);
    this.#underway = new CallsUnderway(targets);
    const { ledger, uids, figures, objects } = this;
    const books: Books = { targets, ledger, uids, figures, objects, underway: this.#underway, recorder };
    this.population = new Population(books);
    this.arrivals = new Arrivals(books, this.population);
  }

  /** A trapped call is seen for the first time: what its thread did before is over. */
  arrived(tid: number): void {
    this.#underway.over(tid);
    this.arrivals.sharers.over(tid);
  }

  /** Decides. `last`: no more waiting for other calls. */
  admit(call: TrappedCall, job: Job, last: boolean): Verdict {
    const { operation } = call;
    if (operation.kind === "handler" || operation.kind === "trace") return "continue";
    if (operation.kind === "exec" && this.arrivals.postpone(call.tid, job)) return "continue";
    const process = this.arrivals.ofThread(call.tid, job);
    if (!process) return "continue";
    this.population.refresh(process, call.tid);
    if (operation.kind === "exec") this.arrivals.execs(process, call.tid);
    else if (operation.kind === "setuid") process.changesUid = call.tid;
    else if (!process.launching) return this.#decide(process, call, last);
    return "continue";
  }

  #decide(process: AccountedProcess, call: TrappedCall, last: boolean): Verdict {
    const { space } = process;
    const { operation } = call;
    if (operation.kind === "brk" && !this.#knowsBrk(process)) {
      // Nobody could be told where it is: it goes on, and a look finds what it brings.
      space.begin(operation.address);
      return "continue";
    }
    // A child maps what its parent maps: that has to be known.
    if (operation.kind === "fork" && this.objects.hasUnseen(space)) this.look(space);
    let need = this.#atMost(process, operation);
    if (need > 0 && !this.#fits(process, need)) {
      const vmas = this.look(space);
      if (vmas) {
        // The map has corrected the bound: a data segment with holes may need more than it seemed to.
        const most = this.#atMost(process, operation);
        need = isHidden(vmas) ? most : Math.min(most, exactly(operation, vmas, space.startBrk));
      }
      const rivals = this.#rivals(process, need);
      if (need > 0 && !this.#fits(process, need) && !this.#makeRoom(process, need, rivals)) {
        if (!last && this.isUnsettled(rivals)) return "wait";
        this.#refuse(process, call.name, need);
        // brk(2) itself reports no error: it returns where the segment ends.
        return operation.kind === "brk" ? { value: space.brk } : { errno: ERRNO.ENOMEM };
      }
    }
    this.#grant(process, call, need);
    if (need > 0 && space.payer.vmsize > this.figures.of(space.payer).peak) this.#notePeak(process);
    return "continue";
  }

  /** Whether it is known where the data segment of a process that is trapped ends. */
  #knowsBrk(process: AccountedProcess): boolean {
    const { space, pid } = process;
    if (space.brk === 0) {
      space.begin(this.targets.image(pid)?.startBrk ?? 0);
      this.look(space);
    }
    return space.brk !== 0;
  }

  /** A total higher than ever may only be one that knows too little of what was given back. */
  #notePeak({ pid, space }: AccountedProcess): void {
    const data = this.targets.size(pid)?.data ?? 0;
    if (space.pages > data + TOLERATED_PAGES) ifLooked(() => this.look(space));
    this.figures.note(space.payer);
  }

  #atMost(process: AccountedProcess, operation: Operation): number {
    switch (operation.kind) {
      case "share": {
        const { fd, pages } = operation;
        return fd === undefined || this.targets.isZero(process.pid, fd) ? pages : 0;
      }
      case "segment":
        return this.objects.segmentNeed(operation.key, operation.pages);
      case "resize": {
        const file = this.targets.memoryFile(process.pid, operation.fd);
        return file ? this.objects.fileNeed(file.key, operation.pages) : 0;
      }
      case "protect": {
        const vmas = operation.grows ? this.look(process.space) : undefined;
        return vmas && !isHidden(vmas) ? exactly(operation, vmas, process.space.startBrk) : operation.pages;
      }
      default:
        return atMost(operation, process.space);
    }
  }

  #fits(process: AccountedProcess, pages: number): boolean {
    const { payer, job } = process.space;
    return job.without(pages) === undefined && this.ledger.fits(pages, payer, process);
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
    this.arrivals.settle();
    this.objects.sweep(this.population, false);
    for (const other of this.population) {
      this.population.refresh(other);
      const { space } = other;
      if (this.#fits(process, pages)) return true;
      if (space !== process.space && rivals(space) && !this.#isUnchanged(space)) this.look(space);
    }
    return this.#fits(process, pages);
  }

  /** Whether the quick figures say that nothing has been mapped or unmapped since the last look. */
  #isUnchanged({ sizeAtLook, pids }: Space): boolean {
    const [pid] = pids;
    const size = sizeAtLook && pid !== undefined ? this.targets.size(pid) : undefined;
    return size !== undefined && size.total === sizeAtLook!.total && size.data === sizeAtLook!.data;
  }

  /** Whether something granted to one of these spaces may still turn out not to have happened. */
  isUnsettled(concerned: (space: Space) => boolean = () => true): boolean {
    for (const { space } of this.arrivals.forks) if (concerned(space)) return true;
    return this.#underway.of(concerned).calls > 0;
  }

  #grant(process: AccountedProcess, call: TrappedCall, need: number): void {
    const { space } = process;
    const { operation } = call;
    const letGo = new LetGo(process, call);
    switch (operation.kind) {
      case "share": {
        if (need === 0) return;
        const object = this.objects.share(space, need);
        this.#underway.mapping(letGo, 0, () => this.objects.unshare(space, object));
        return;
      }
      case "segment":
        if (need === 0) return;
        this.objects.makeSegment(letGo, operation);
        this.#underway.making(letGo);
        return;
      case "resize": {
        const file = need > 0 ? this.targets.memoryFile(process.pid, operation.fd) : undefined;
        if (!file) return;
        this.objects.growFile(file.key, space, operation.pages, letGo);
        this.#underway.making(letGo);
        return;
      }
      case "fork":
        this.#grantFork(letGo, operation.isSibling, need);
        return;
      case "vfork":
        this.arrivals.sharers.granted(process, call.tid, operation.waits);
        return;
      case "map":
        if (operation.start !== undefined) space.forgetForeign(operation.start, operation.start + operation.pages);
        break;
    }
    const { brk } = space;
    if (operation.kind === "remap") space.movesAway(operation.start, operation.oldPages);
    if (operation.kind === "brk") {
      space.brk = operation.address;
      space.heapPages += need;
    } else if (need === 0) return;
    space.add(need);
    this.#underway.mapping(letGo, need, () => {
      space.add(-need);
      if (operation.kind !== "brk") return;
      space.brk = brk;
      space.heapPages -= need;
    });
  }

  #grantFork(call: LetGo, isSibling: boolean, need: number): void {
    const { space } = call.process;
    const child = space.fork(need);
    this.objects.inherit(space, child);
    const fork = this.arrivals.forks.add(call, isSibling, child);
    this.#underway.making(call, () => this.arrivals.forget(fork));
  }

  /** The kernel did not carry out what `tid` was granted last. */
  cancelled(tid: number): void {
    this.#underway.cancel(tid);
  }

  /** Corrects what is known of a space by the kernel's own map, which it returns. */
  look(space: Space): readonly Vma[] | undefined {
    const [pid] = space.pids;
    const process = pid === undefined ? undefined : this.population.find(pid);
    if (!process) return undefined;
    this.population.refresh(process);
    if (process.launching || process.space !== space) return undefined;
    // What is over before the map is read is in it.
    const { calls, pages } = this.#underway.of((each) => each === space);
    const before = this.targets.size(process.pid);
    const vmas = this.targets.map(process.pid);
    if (!before || !vmas) {
      if (this.targets.image(process.pid)?.startTicks !== process.startTicks) this.population.exited(process);
      return undefined;
    }
    this.#findShortfall(process, vmas);
    space.correct(vmas, pages, calls === 0);
    // Exec may still be building it.
    if (process.execs !== undefined) space.isExact = false;
    this.objects.seen(space, vmas, calls === 0);
    const after = this.targets.size(process.pid);
    if (calls === 0 && after?.total === before.total && after.data === before.data) space.sizeAtLook = after;
    return vmas;
  }

  /** Charges are upper bounds: that the kernel counts more means that something escaped us. The stack grows unasked. */
  #findShortfall({ pid, space }: AccountedProcess, vmas: readonly Vma[]): void {
    const reserved = vmas.reduce((sum, vma) => sum + (vma.accounted && !vma.stack ? vma.end - vma.start : 0), 0);
    if (!space.isExact || isHidden(vmas) || reserved <= space.pages) return;
    this.shortfalls.push(`process ${pid}: ${space.pages} pages were charged, ${reserved} reserved`);
    if (this.shortfalls.length > SHORTFALLS) this.shortfalls.shift();
  }

  /** As {@link look}, of every space. */
  lookAtAll(): void {
    this.arrivals.settle();
    for (const process of this.population) {
      this.population.refresh(process);
      this.look(process.space);
    }
    this.objects.sweep(this.population, true);
  }

  #refuse(process: AccountedProcess, call: string, pages: number): void {
    const { payer, job } = process.space;
    const full = job.without(pages);
    const refusal: Omit<Refusal, "timeMs" | "call" | "pages"> = full
      ? { reason: "job", used: full.pages, limit: full.budget }
      : this.ledger.hasSupply(pages)
        ? { reason: "rlimit", used: payer.vmsize, limit: process.limit.soft }
        : { reason: "supply", used: this.ledger.reserved, limit: this.ledger.supply };
    process.remember({ timeMs: Date.now(), call, pages, ...refusal });
    this.figures.of(payer).refusals++;
    this.ledger.tellRefusal(pages, payer, process);
  }
}
