import { Errno } from "../../core/base/errno.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import { Accounts } from "../../core/notify/accounts.ts";
import { Job } from "../../core/notify/job.ts";
import { type AccountedProcess, NO_LIMIT, type SwapLimit } from "../../core/notify/process.ts";
import { JOB_RECORD, jobRecord, NO_RECORDER, OVERCOMMIT_RECORD, type Recorder } from "../../core/notify/records.ts";
import { recount } from "../../core/notify/recount.ts";
import { recover } from "../../core/notify/recovery.ts";
import type { RefusedCall, SwapFigures } from "../../core/procfs/accounts-port.ts";
import type { Outcome } from "../../core/vfs/parked.ts";
import { type DiskCharges, PagerDiskCharges } from "../../core/vm/disk-charges.ts";
import { SEED } from "../../core/vm/rules/seed.ts";
import { SWAP_RESERVE_RLIMIT_ON } from "../../core/vm/swap-ledger.ts";
import { Vm } from "../../core/vm/vm.ts";
import { libcClose } from "../linux/ffi/libc.ts";
import type { RepairEnds } from "../repair/repair-process.ts";
import { type AdoptionQuota, refuseAdoptions } from "./adoption-quota.ts";
import type { GateLoop } from "./answer-gate.ts";
import { InFlight } from "./in-flight.ts";
import { Journal } from "./journal.ts";
import { Listener } from "./listener.ts";
import { LiveTargets } from "./live-targets.ts";
import { type LoopOwner, NotificationLoop } from "./notification-loop.ts";
import {
  type AccountedRow,
  LISTENER_RECORD,
  type NewListener,
  type PayerRow,
  type Payment,
  type Requests,
  type ThreadData,
} from "./requests.ts";
import { SignalGate } from "./signal-gate.ts";
import { Supply } from "./supply.ts";
import { Survey } from "./survey.ts";

const bytes = (pages: number): number => pages * PAGE_SIZE;

/** What of the thread the accounts need: where lines go, and who is told of ends. */
export interface BookkeeperHost {
  print(line: string): void;
  ended(listener: number): void;
  failed: LoopOwner["failed"];
  messages(): void;
}

/** The accounts of this machine's processes, and all that the accountant's thread does with them. */
export class Bookkeeper implements Requests {
  readonly loop: NotificationLoop;
  #gate: SignalGate | undefined;
  readonly #accounts: Accounts;
  readonly #recorder: Recorder;
  readonly #host: BookkeeperHost;
  readonly #survey: Survey;
  readonly #disks: DiskCharges;
  /** Listeners that are not kept yet, by number. */
  readonly #coming = new Map<number, Listener>();
  #nextJob = 1;

  /** Goes on where a process that was killed has stopped, when there are listeners that it had. What the files of `dir` throw. */
  constructor({ dir, bell, kept }: ThreadData, host: BookkeeperHost) {
    this.#host = host;
    const journal = dir === undefined ? undefined : new Journal(`${dir}/accounts`);
    this.#recorder = journal ?? NO_RECORDER;
    const policy = Object.assign(new Supply(), { overcommit: SWAP_RESERVE_RLIMIT_ON });
    const console = { now: () => performance.now(), print: (line: string) => host.print(line) };
    this.#accounts = new Accounts(new LiveTargets(), policy, console, this.#recorder);
    const vm = new Vm({ rules: SEED, totals: this.#accounts });
    this.#accounts.disks = () => [...vm.handles].map(({ cred, charge }) => ({ payer: cred!, pages: charge }));
    this.#disks = new PagerDiskCharges(vm);
    const inFlight = new InFlight(dir === undefined ? undefined : `${dir}/in-flight`);
    const makeGate = (loop: GateLoop): SignalGate => {
      this.#gate = new SignalGate(loop);
      return this.#gate;
    };
    this.loop = new NotificationLoop(this.#accounts, inFlight, bell, makeGate, {
      ended: (listener) => this.#forget(listener),
      failed: host.failed,
      messages: host.messages,
    });
    this.#survey = new Survey(this.#accounts, this.loop.alarms, host.failed);
    if (journal) this.#recover(journal, kept, inFlight);
  }

  #recover({ found }: Journal, kept: readonly NewListener[], inFlight: InFlight): void {
    const names = new Set(kept.map(({ number }) => LISTENER_RECORD + number));
    // Without a listener nothing can go on: those processes have ended, or run unwatched.
    for (const key of found.keys()) {
      if (names.size === 0 || (key.startsWith(LISTENER_RECORD) && !names.has(key))) this.#recorder.drop(key);
    }
    for (const slot of inFlight.found) if (!names.has(LISTENER_RECORD + slot.listener)) slot.free();
    const jobs = names.size > 0 ? recover(this.#accounts, found) : new Map<number, Job>();
    this.#nextJob = Math.max(0, ...jobs.keys()) + 1;
    for (const { number, fd } of kept) {
      const job = jobs.get(Number(found.get(LISTENER_RECORD + number))) ?? this.#accounts.rootJob;
      const listener = new Listener(fd, number, job);
      this.loop.listen(listener);
      this.loop.goOn(
        listener,
        inFlight.found.filter((slot) => slot.listener === number),
      );
    }
  }

  relimit(pid: number, limit: SwapLimit, budget: number): boolean {
    const { population } = this.#accounts;
    const known = population.find(pid);
    if (!known) return false;
    known.limit = { soft: Math.min(limit.soft, known.limit.hard), hard: Math.min(limit.hard, known.limit.hard) };
    if (budget !== Number.POSITIVE_INFINITY) known.space.moveTo(this.#newJob(known.limit, budget, known.space.job));
    population.record(known);
    return true;
  }

  launch(pid: number, limit: SwapLimit, budget: number, listener: NewListener): number {
    const { population, targets } = this.#accounts;
    return this.#taking(pid, listener, ({ fd, number }) => {
      const ids = targets.ids(pid);
      const image = targets.image(pid);
      if (!ids || !image) throw new Errno("ESRCH", `process ${pid} has exited`);
      const job = this.#newJob(limit, budget);
      population.launch(pid, image, ids.ruid, job, limit);
      this.#expect(new Listener(fd, number, job));
      return ids.ruid;
    });
  }

  admitAdoption(uid: number, most: AdoptionQuota): void {
    refuseAdoptions(this.#accounts.population, uid, most);
  }

  adopt(pid: number, listener: NewListener): number {
    const { population, targets } = this.#accounts;
    return this.#taking(pid, listener, ({ fd, number }) => {
      const ids = targets.ids(pid);
      const image = targets.image(pid);
      if (!ids || !image) throw new Errno("ESRCH", `process ${pid} has exited`);
      const job = this.#newJob(NO_LIMIT, Number.POSITIVE_INFINITY);
      population.enter(pid, image, ids.ruid, job, NO_LIMIT);
      this.#expect(new Listener(fd, number, job));
      return ids.ruid;
    });
  }

  /** Whoever cannot be taken is left without a listener: its calls fail with ENOSYS. */
  #taking(pid: number, listener: NewListener, take: (listener: NewListener) => number): number {
    try {
      return take(listener);
    } catch (error) {
      const known = this.#accounts.population.find(pid);
      if (known) this.#accounts.population.exited(known);
      libcClose(listener.fd);
      throw error;
    }
  }

  #newJob(limit: SwapLimit, budget: number, around?: Job): Job {
    const job = new Job(this.#nextJob++, limit, budget, around);
    this.#accounts.jobs.add(job);
    this.#recorder.put(JOB_RECORD + job.id, jobRecord(job));
    return job;
  }

  #expect(listener: Listener): void {
    this.#recorder.put(LISTENER_RECORD + listener.number, listener.job.id);
    this.#coming.set(listener.number, listener);
  }

  listen(number: number): void {
    const listener = this.#coming.get(number);
    if (!listener) return;
    this.#coming.delete(number);
    this.loop.listen(listener);
  }

  /** Nobody is left of a tree: neither the job that it came into, nor one inside. */
  #forget({ number, job: tree }: Listener): void {
    this.#host.ended(number);
    this.#recorder.drop(LISTENER_RECORD + number);
    for (const job of this.#accounts.jobs) {
      if (job === this.#accounts.rootJob || !job.isWithin(tree)) continue;
      this.#accounts.jobs.delete(job);
      this.#recorder.drop(JOB_RECORD + job.id);
    }
  }

  repairer(ends: RepairEnds): void {
    this.#gate?.connect(
      ends,
      [...this.#accounts.population].map(({ pid }) => pid),
    );
  }

  seizeAgain(pid: number): void {
    if (this.#accounts.population.find(pid)) this.#gate?.again(pid);
  }

  lift(): void {
    for (const process of this.#accounts.population) {
      process.limit = NO_LIMIT;
      for (let job: Job | undefined = process.space.job; job; job = job.around) {
        job.budget = Number.POSITIVE_INFINITY;
        job.limit = NO_LIMIT;
        this.#recorder.put(JOB_RECORD + job.id, jobRecord(job));
      }
      this.#accounts.population.record(process);
    }
    this.setOvercommit(0);
  }

  setOvercommit(bits: number): void {
    this.#accounts.ledger.overcommit = bits;
    this.#recorder.put(OVERCOMMIT_RECORD, bits);
  }

  settle(): Outcome<void> {
    return this.#survey.ask();
  }

  limit(pid: number): SwapLimit | undefined {
    return this.#accounts.population.find(pid)?.limit;
  }

  setLimit(pid: number, limit: SwapLimit, mayRaise: boolean): void {
    const process = this.#find(pid);
    if (limit.hard > process.limit.hard && !mayRaise) throw new Errno("EPERM", "only root may raise the hard limit");
    process.limit = limit;
    this.#accounts.population.record(process);
  }

  #find(pid: number): AccountedProcess {
    const process = this.#accounts.population.find(pid);
    if (process) return process;
    throw notAccounted(pid);
  }

  refusals(pid: number): readonly RefusedCall[] {
    const { refusals = [] } = this.#accounts.population.find(pid) ?? {};
    return refusals.map(({ timeMs, call, pages, reason, used, limit }) => {
      return { timeMs, call, bytes: bytes(pages), reason, used: bytes(used), limit: bytes(limit) };
    });
  }

  swap(): SwapFigures {
    const { swapTotal, reserved, overcommit, supply } = this.#accounts.ledger;
    return { total: bytes(swapTotal), reserved: bytes(reserved), overcommit, supply: bytes(supply) };
  }

  uids(): { readonly payers: readonly PayerRow[]; readonly accounted: readonly AccountedRow[] } {
    const { uids, figures, population } = this.#accounts;
    return {
      payers: [...uids].map((payer) => ({ uid: payer.uid, reserved: payer.vmsize, ...figures.of(payer) })),
      accounted: [...population].map(({ pid, limit }) => [pid, limit.soft]),
    };
  }

  check(): readonly string[] {
    return [...this.#accounts.shortfalls, ...recount(this.#accounts)];
  }

  payment(pid: number): Payment {
    const space = this.#accounts.population.find(pid)?.space;
    const objects = new Map<string, number>();
    for (const { name, uid } of this.#accounts.objects) objects.set(name, uid);
    const foreign = space?.foreign.map(({ start, end, payer }) => [start, end, payer.uid] as const) ?? [];
    return { payer: space?.payer.uid, foreign, objects };
  }

  reserveDisk(...disk: Parameters<DiskCharges["reserve"]>): void {
    this.#disks.reserve(...disk);
  }

  adoptDisk(...disk: Parameters<DiskCharges["adopt"]>): void {
    this.#disks.adopt(...disk);
  }

  resizeDisk(...disk: Parameters<DiskCharges["resize"]>): void {
    this.#disks.resize(...disk);
  }

  releaseDisk(...disk: Parameters<DiskCharges["release"]>): void {
    this.#disks.release(...disk);
  }

  close(): void {
    for (const { fd } of this.#coming.values()) libcClose(fd);
    this.loop.close();
  }
}

export function notAccounted(pid: number): Errno {
  return new Errno(
    "EOPNOTSUPP",
    `process ${pid} is not under accounting: write account to its ctl, or start it by lyonnais run`,
  );
}
