import assert from "node:assert/strict";
import { PAGE_SIZE } from "../../src/core/base/size.ts";
import { SWAP_RESERVE_RLIMIT_ON } from "../../src/core/charges/swap-ledger.ts";
import { UNLIMITED } from "../../src/core/charges/unlimited.ts";
import { JOB_RECORD, type Json, jobRecord } from "../../src/core/grants/records.ts";
import { Accounts, type Verdict } from "../../src/core/notify/accounts.ts";
import { recount } from "../../src/core/notify/recount.ts";
import { recover } from "../../src/core/notify/recovery.ts";
import { Job } from "../../src/core/space/job.ts";
import type { SwapLimit } from "../../src/core/space/limit.ts";
import { NOT_YET } from "../../src/core/space/ports.ts";
import type { Operation } from "../../src/core/trap/operation.ts";
import { recount as recountModel } from "../../src/core/vm/invariants.ts";
import { PaperJournal } from "./paper-journal.ts";
import { type PaperProcess, VmTargets } from "./vm-targets.ts";

/** How often a call that waits is asked about again, when nothing is under way any more. */
const ASKS = 5;

/** What becomes of a call that was let go when the daemon is killed. */
export type Fate = "happens" | "fails" | "is late";

export type Answer = "let go" | "refused" | "waits";

/** Live accounts over the model as their kernel, and what both must agree on. */
export class AccountsWorld {
  readonly kernel: VmTargets = new VmTargets();
  readonly #journal = new PaperJournal();
  accounts: Accounts;
  job: Job;
  readonly #budget: number;
  /** Processes that have ended and whose end the accounts have not been told. */
  readonly ended: PaperProcess[] = [];
  /** Who asks for all exits is told of none: they are told of by {@link tellEnds}. */
  collectExits: () => void = () => {};
  /** So many records the daemon still writes in its next decision before it is killed. */
  killAfter: number | undefined;
  /** By image: nobody can always tell by which of several forks a process came, nor so which of these limits it has. */
  readonly #limits = new Map<string, Set<number>>();

  /** `waitsForMaps`: every map is read elsewhere, and each decision made again when one that it asks for is there. */
  readonly #waitsForMaps: boolean;

  constructor(budget: number = UNLIMITED, waitsForMaps = false) {
    this.#budget = budget;
    this.#waitsForMaps = waitsForMaps;
    this.accounts = this.#make();
    this.job = new Job(1, undefined, budget);
    this.accounts.jobs.add(this.job);
    this.#journal.put(JOB_RECORD + this.job.id, jobRecord(this.job));
  }

  get records(): Map<string, Json> {
    return this.#journal.records;
  }

  #make(): Accounts {
    const collectExits = (): void => this.collectExits();
    return new Accounts(this.kernel, { overcommit: SWAP_RESERVE_RLIMIT_ON }, { recorder: this.#journal, collectExits });
  }

  /** Puts a new process with an empty address space under accounting. */
  start(uid: number, limit: SwapLimit): number {
    const { pid } = this.kernel.spawn(uid, limit.soft);
    this.accounts.population.enter(pid, this.kernel.image(pid)!, uid, this.job, limit);
    return pid;
  }

  /** Traps a call; one that may go on is pending from then on. */
  trap(tid: number, operation: Operation): Answer {
    this.accounts.arrived(tid);
    this.kernel.changedUid.delete(this.kernel.processOf(tid)!.pid);
    return this.#ask(tid, operation);
  }

  #admit(tid: number, operation: Operation): Verdict {
    const { kernel } = this;
    const call = kernel.call(tid, operation);
    if (!this.#waitsForMaps) return this.accounts.admit(call, this.job, false);
    const read = new Set<number>();
    const program = kernel.processOf(tid)!.layout;
    for (;;) {
      kernel.read = read;
      try {
        return this.accounts.admit(call, this.job, false);
      } catch (error) {
        if (error !== NOT_YET) throw error;
      } finally {
        kernel.read = undefined;
      }
      this.checkBounds();
      // Others go on meanwhile.
      const [other] = kernel.pending.keys();
      if (other !== undefined) kernel.happen(other);
      if (kernel.processOf(tid)?.layout !== program) return "wait";
    }
  }

  #ask(tid: number, operation: Operation): Answer {
    let verdict: Verdict = "wait";
    const killAfter = this.killAfter;
    this.killAfter = undefined;
    const decide = (): void => {
      verdict = this.#admit(tid, operation);
    };
    if (killAfter !== undefined) this.#tellLenders();
    if (!this.#journal.survives(killAfter, decide)) {
      // The next one finds that the call was received, and not answered.
      const program = this.kernel.processOf(tid)!.layout;
      this.#die(() => "happens");
      if (this.kernel.processOf(tid)?.layout !== program) return "refused";
      this.accounts.arrived(tid);
      decide();
    }
    return this.#carryOut(tid, operation, verdict);
  }

  #carryOut(tid: number, operation: Operation, verdict: Verdict): Answer {
    if (verdict === "wait") return "waits";
    if (verdict === "continue") {
      this.kernel.continued(tid, operation);
      return "let go";
    }
    if ("value" in verdict) this.#checkBrk(tid, verdict.value);
    return "refused";
  }

  /** What a refused brk returns has to be where the data segment really ends. */
  #checkBrk(tid: number, value: number): void {
    const { vmspace } = this.kernel.processOf(tid)!.proc;
    const mayMove = [...this.kernel.pending.values()].some(
      ({ operation, process }) => operation.kind === "brk" && process.proc.vmspace === vmspace,
    );
    if (!mayMove) assert.equal(value, (vmspace.dataStart + vmspace.dataSize) * PAGE_SIZE, "what brk returns");
  }

  /**
   * Traps a call and holds the answer against the model's: a refusal is one when everything let go before has happened, a grant
   * leaves room for all that is still to happen.
   */
  judge(tid: number, operation: Operation): Answer {
    const { kernel } = this;
    const program = kernel.processOf(tid)!.layout;
    // Another thread may execute another program, which ends this one.
    const isThere = (): boolean => kernel.processOf(tid)?.layout === program;
    let answer = this.trap(tid, operation);
    if (answer !== "let go") {
      kernel.happenAll();
      kernel.blurred.clear();
      this.tellEnds();
      for (let i = 0; i < ASKS && answer !== "let go" && isThere(); i++) {
        answer = this.#ask(tid, operation);
        if (answer === "refused") break;
      }
      assert.ok(answer !== "waits" || !isThere(), `${operation.kind} waits for nothing`);
    }
    if (!isThere()) return answer;
    const { proc, pid } = kernel.processOf(tid)!;
    if (answer === "refused") {
      const price = kernel.price(tid, operation);
      assert.ok(price > 0 && !this.fits(pid, price, 0), `${operation.kind} is refused: ${this.#situation(pid, price)}`);
    } else {
      // What another call is to make larger still costs nothing more.
      const price = kernel.priceBeside(tid);
      const unasked = [...kernel.unasked.values()].reduce((sum, pages) => sum + pages, 0);
      if (price > 0) {
        // What nobody was asked for may not have been seen yet.
        const fits = this.fits(pid, 0, kernel.unasked.get(proc.ruid.uid) ?? 0, unasked);
        assert.ok(fits, `${operation.kind} is let go: ${this.#situation(pid, price)}`);
      }
    }
    return answer;
  }

  /** Whether the model's totals, what is pending included, leave room for so much more; `unseen` pages need not count. */
  fits(pid: number, pages: number, unseen: number, unseenByAll: number = unseen): boolean {
    const { vm, pending } = this.kernel;
    const { proc } = this.kernel.processes.get(pid)!;
    let own = proc.ruid.vmsize + pages - unseen;
    let all = vm.ledger.reserved + pages - unseenByAll;
    // Of several calls that make one thing larger only the farthest counts.
    const farthest = new Map<unknown, number>();
    for (const call of pending.values()) {
      if (call.isForgotten) continue;
      const { price, payer } = call;
      const grown = this.kernel.grownBy(call);
      const before = farthest.get(grown) ?? 0;
      if (grown !== undefined) farthest.set(grown, Math.max(before, price));
      const more = Math.max(0, price - before);
      all += more;
      if (payer === proc.ruid.uid) own += more;
    }
    return all <= this.#budget && (own <= this.#limitOf(pid) || proc.euid === 0);
  }

  /** The limit that holds: one of those that a process of its image may have. */
  #limitOf(pid: number): number {
    const { layout, proc } = this.kernel.processes.get(pid)!;
    const known = this.accounts.population.find(pid)?.limit.soft;
    return known !== undefined && this.#limits.get(layout)?.has(known) ? known : proc.rlimitSwap;
  }

  #situation(pid: number, price: number): string {
    const { vm, pending, unasked } = this.kernel;
    const { proc } = this.kernel.processes.get(pid)!;
    const under = [...pending].map(([tid, call]) => `${tid} ${call.operation.kind} ${call.price} of ${call.payer}`);
    return `${price} pages for uid ${proc.ruid.uid}, which has ${proc.ruid.vmsize} of ${proc.rlimitSwap}; all have ${vm.ledger.reserved} of ${this.#budget}; pending ${under}; unasked ${[...unasked]}`;
  }

  /** A process ends; the accounts are told by {@link tellEnds}. */
  exit(pid: number): void {
    this.ended.push(this.kernel.processes.get(pid)!);
    this.kernel.exit(pid);
  }

  tellEnds(): void {
    for (const { pid } of this.ended.splice(0)) {
      const process = this.accounts.population.find(pid);
      if (process) this.accounts.population.exited(process);
    }
  }

  /**
   * The daemon is killed and another goes on, which may itself be killed when it has written so many records. Who ends meanwhile is not
   * told of.
   */
  crash(fateOf: (tid: number) => Fate = () => "happens", killAfter?: number): void {
    this.#tellLenders();
    this.#die(fateOf, killAfter);
  }

  /** Whose memory outlives it, and who had paid for it, nobody but this daemon knows. */
  #tellLenders(): void {
    const living = new Set([...this.kernel.processes.values()].map(({ proc }) => proc.vmspace));
    if (this.ended.some(({ proc }) => living.has(proc.vmspace))) this.tellEnds();
  }

  #die(fateOf: (tid: number) => Fate, killAfter?: number): void {
    const { kernel } = this;
    for (const [tid, call] of [...kernel.pending]) {
      // Its process may have executed another program just now.
      if (!kernel.pending.has(tid)) continue;
      const fate = fateOf(tid);
      if (fate === "happens") kernel.happen(tid);
      else if (fate === "fails") kernel.pending.delete(tid);
      else call.isForgotten = true;
    }
    kernel.blurred.clear();
    this.ended.splice(0);
    if (!this.#journal.survives(killAfter, () => this.#recover())) this.#recover();
  }

  #recover(): void {
    this.accounts = this.#make();
    this.job = recover(this.accounts, new Map(this.records)).get(1)!;
  }

  noteLimits(): void {
    for (const { layout, proc } of this.kernel.processes.values()) {
      const origin = this.kernel.origins.get(layout);
      const limits = this.#limits.get(layout) ?? new Set(origin === undefined ? [] : this.#limits.get(origin));
      this.#limits.set(layout, limits.add(proc.rlimitSwap));
    }
  }

  /** Nobody is ever charged less than the model charges, apart from what nobody was asked for. */
  checkBounds(): void {
    const { vm, unasked } = this.kernel;
    for (const { uid, vmsize } of vm.uids) {
      const charged = this.accounts.uids.find(uid).vmsize + (unasked.get(uid) ?? 0);
      assert.ok(charged >= vmsize, `uid ${uid} is charged ${charged} pages and has ${vmsize}`);
    }
    assert.deepEqual(recount(this.accounts), []);
  }

  /** Everything has happened and been looked at: totals, limits and who is known are the model's. */
  checkAtRest(): void {
    const { kernel } = this;
    kernel.happenAll();
    kernel.blurred.clear();
    this.tellEnds();
    for (let i = 0; i < 3; i++) this.accounts.readAllMaps();
    const { uids, ledger, population, shortfalls } = this.accounts;
    for (const { uid, vmsize } of kernel.vm.uids) assert.equal(uids.find(uid).vmsize, vmsize, `pages of uid ${uid}`);
    assert.equal(ledger.reserved, kernel.vm.ledger.reserved);
    assert.equal(this.job.pages, ledger.reserved, "pages of the job");
    assert.deepEqual([...recount(this.accounts), ...recountModel(kernel.vm)], []);
    if (!kernel.overtaken) assert.deepEqual(shortfalls, []);
    this.noteLimits();
    for (const { pid, proc, layout } of kernel.processes.values()) {
      const known = population.find(pid);
      if (!known) {
        assert.ok(
          [...population].some((other) => kernel.sharesMemory(other.pid, pid)),
          `${pid} is not known`,
        );
      } else if (!this.#limits.get(layout)!.has(known.limit.soft)) {
        assert.equal(known.limit.soft, proc.rlimitSwap, `the limit of ${pid}`);
      }
    }
    assert.ok(!this.accounts.isUnsettled(), "something is under way for ever");
    kernel.forgetUnasked();
  }
}
