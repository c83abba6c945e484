import type { MessagePort } from "node:worker_threads";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { DiskCharges } from "../../core/charges/disk-charges.ts";
import { SWAP_RESERVE_RLIMIT_ON } from "../../core/charges/swap-ledger.ts";
import { NO_RECORDER, OVERCOMMIT_RECORD, type Recorder } from "../../core/grants/records.ts";
import { Accounts, type Verdict } from "../../core/notify/accounts.ts";
import { liftLimits } from "../../core/notify/lift.ts";
import { recount } from "../../core/notify/recount.ts";
import { recover } from "../../core/notify/recovery.ts";
import type { Policy } from "../../core/policy/policy.ts";
import type { Job } from "../../core/space/job.ts";
import { limitCell, type SwapLimit } from "../../core/space/limit.ts";
import { type Image, NOT_YET } from "../../core/space/ports.ts";
import type { AccountedProcess } from "../../core/space/process.ts";
import type { TrappedCall } from "../../core/trap/notification.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import { libcClose } from "../linux/ffi/libc.ts";
import { refuseAdoptions } from "./adoption-quota.ts";
import { Alarms } from "./alarms.ts";
import type { BookkeeperHost } from "./bookkeeper-host.ts";
import { Chronicle } from "./chronicle.ts";
import { jobsOf, paymentOf, refusalsOf, swapFigures, uidsOf } from "./figures.ts";
import { InFlight } from "./in-flight.ts";
import { Journal } from "./journal.ts";
import { Limits } from "./limits.ts";
import { Listener } from "./listener.ts";
import { ListenerJobs } from "./listener-jobs.ts";
import { LiveTargets } from "./live-targets.ts";
import { MapCache } from "./map-cache.ts";
import type { MapSnapshot } from "./map-snapshot.ts";
import { NotificationLoop } from "./notification-loop.ts";
import { ProcessReader } from "./process-reader.ts";
import { LISTENER_RECORD, type NewListener, type Requests, type ThreadData } from "./requests.ts";
import { Retries } from "./retries.ts";
import { SignalGate } from "./signal-gate.ts";
import { Supply } from "./supply.ts";
import { Survey } from "./survey.ts";

/**
 * The accounts of this machine's processes, and everything that the accountant's thread does with them: it builds the parts and owns them.
 */
export class Bookkeeper implements Requests {
  readonly loop: NotificationLoop;
  readonly #gate = new SignalGate();
  readonly #accounts: Accounts;
  readonly #journal: Journal | undefined;
  readonly #recorder: Recorder;
  readonly #inFlight: InFlight;
  readonly #host: BookkeeperHost;
  readonly #alarms = new Alarms();
  readonly #reader: ProcessReader;
  readonly #maps: MapCache;
  readonly #targets: LiveTargets;
  readonly #adoptions: Retries;
  readonly #survey: Survey;
  readonly #disks: DiskCharges;
  /** By number: listeners that the keeper does not hold yet, so that their calls are not answered. */
  readonly #coming = new Map<number, Listener>();
  readonly #listenerJobs: ListenerJobs;
  readonly #limits: Limits;
  readonly #chronicle: Chronicle;

  /** Throws what Node's file functions throw for the files in `dir`. */
  constructor({ dir, bell, policy }: ThreadData, host: BookkeeperHost) {
    this.#host = host;
    this.#journal = dir === undefined ? undefined : new Journal(`${dir}/accounts`);
    this.#recorder = this.#journal ?? NO_RECORDER;
    const supply = Object.assign(new Supply(), { overcommit: SWAP_RESERVE_RLIMIT_ON });
    const console = { now: () => performance.now(), print: (line: string) => host.print(line) };
    this.#reader = new ProcessReader(this.#alarms, host.needReader, (pid, snapshot, ms) =>
      this.#arrived(pid, snapshot, ms),
    );
    this.#maps = new MapCache(this.#reader);
    this.#targets = new LiveTargets(this.#maps, this.#reader);
    const recorder = this.#recorder;
    const settle = (then: () => void): void => this.#survey.ask().listen({ settled: then, failed: then });
    this.#chronicle = new Chronicle({ alarms: this.#alarms, keep: host.keep, settle, failed: host.failed });
    const witness = this.#chronicle;
    const arrived = (process: AccountedProcess): void => this.loop.arrived(process);
    const collectExits = (): void => this.loop.collectExits();
    this.#accounts = new Accounts(this.#targets, supply, { console, recorder, witness, arrived, collectExits });
    this.#disks = this.#accounts.disks;
    this.#listenerJobs = new ListenerJobs(this.#accounts, recorder);
    this.#limits = new Limits(this.#accounts, this.#listenerJobs, policy);
    this.#inFlight = new InFlight(dir === undefined ? undefined : `${dir}/in-flight`);
    this.loop = new NotificationLoop(
      this.#accounts,
      this.#inFlight,
      bell,
      this.#alarms,
      (loop) => this.#gate.on(loop),
      {
        admit: witness.counters.counting((call, job, last) => this.#admit(call, job, last)),
        continued: (tid) => this.#continued(tid),
        exited: ({ pid }) => {
          this.#maps.forget(pid);
          this.#reader.forget(pid);
        },
        ended: (listener) => this.#forget(listener),
        failed: host.failed,
        pulse: host.pulse,
        messages: () => {
          host.messages();
          this.#reader.receive();
        },
      },
    );
    this.#survey = new Survey(this.#accounts, this.#maps, this.#alarms, host.failed);
    this.#adoptions = new Retries(this.#maps, this.#alarms);
  }

  /** Restores the accounts of a daemon that was killed, if the keeper has listeners of it (`kept`). To be called first, once. */
  recover(kept: readonly NewListener[]): void {
    if (!this.#journal?.found.has(OVERCOMMIT_RECORD) || kept.length === 0) this.#limits.commit();
    if (!this.#journal) return;
    const { found } = this.#journal;
    const inFlight = this.#inFlight;
    const names = new Set(kept.map(({ number }) => LISTENER_RECORD + number));
    // Without a listener there is nothing to restore: its processes have exited, or their calls fail with ENOSYS.
    for (const key of found.keys()) {
      if (names.size === 0 || (key.startsWith(LISTENER_RECORD) && !names.has(key))) this.#recorder.drop(key);
    }
    for (const slot of inFlight.found) if (!names.has(LISTENER_RECORD + slot.listener)) slot.free();
    const jobs = names.size > 0 ? recover(this.#accounts, found) : new Map<number, Job>();
    this.#listenerJobs.recovered(jobs.keys());
    this.#limits.apply();
    this.#chronicle.begin(this.#accounts, kept.length > 0 ? "resumed" : "started");
    for (const { number, fd } of kept) {
      const job = jobs.get(Number(found.get(LISTENER_RECORD + number))) ?? this.#accounts.rootJob;
      const listener = new Listener(fd, number, job);
      this.#listenerJobs.restore(number, job);
      this.loop.listen(listener);
      this.loop.resume(
        listener,
        inFlight.found.filter((slot) => slot.listener === number),
      );
    }
  }

  reader(port: MessagePort): void {
    this.#reader.use(port);
  }

  #admit(call: TrappedCall, job: Job, last: boolean): Verdict {
    this.#reader.caller = call.tid;
    this.#maps.mayWait = !last;
    this.#targets.decides(true);
    try {
      const verdict = this.#accounts.admit(call, job, last);
      if (verdict !== "wait") this.#reader.decided(call.tid);
      return verdict;
    } finally {
      this.#reader.caller = 0;
      this.#maps.mayWait = false;
      this.#targets.decides(false);
    }
  }

  #continued(tid: number): void {
    if (this.#maps.isEmpty) return;
    const { population } = this.#accounts;
    const process = population.find(tid) ?? population.ofThread(tid);
    for (const pid of process?.space.pids ?? []) this.#maps.continued(pid);
  }

  #arrived(pid: number, snapshot: MapSnapshot | undefined, ms: number): void {
    this.#maps.arrived(pid, snapshot, ms);
    this.#adoptions.again();
    this.#survey.arrived();
    this.loop.decideSoon();
  }

  readonly relimit: Requests["relimit"] = (...terms) => this.#limits.again(...terms);

  launch(pid: number, limit: SwapLimit, budget: number, listener: NewListener, label?: string): number {
    return this.#bring(pid, listener, (image, ruid) => {
      const job = this.#listenerJobs.make({ limit: limitCell(limit), budget, label, root: pid });
      this.#accounts.population.launch(pid, image, ruid, job, job.limit);
      return job;
    });
  }

  contain(pid: number, container: string, budget: number, listener: NewListener): number {
    const jobOf = (): Job => this.#listenerJobs.ofContainer(container, budget, pid);
    // Somebody who has ended may have had the number.
    this.loop.collectExits();
    if (this.#accounts.population.find(pid)) {
      libcClose(listener.fd);
      throw new Errno("EBUSY", `process ${pid} is under accounting, and not by this listener`);
    }
    if (pid === 0) {
      this.#come(listener, jobOf());
      return process.geteuid!();
    }
    return this.#bring(pid, listener, (image, ruid) => {
      const job = jobOf();
      this.#accounts.population.launch(pid, image, ruid, job, job.limit);
      return job;
    });
  }

  readonly admitAdoption: Requests["admitAdoption"] = (uid, most) =>
    refuseAdoptions(this.#accounts.population, uid, most);

  adopt(pid: number, listener: NewListener, sessionOf?: number): Outcome<number> {
    const adopted = new Parked<number>();
    this.#adoptions.try(() => {
      try {
        // It is counted as it is now: the map has to be there before it is taken in.
        this.#maps.map(pid, false);
        const ruid = this.#bring(pid, listener, (image, ruid) => {
          const { population } = this.#accounts;
          const parent = sessionOf === undefined ? undefined : population.find(image.ppid);
          const job = parent?.space.job ?? this.#limits.newSession(pid, sessionOf);
          population.enter(pid, image, ruid, job, parent?.limit ?? job.limit);
          return job;
        });
        adopted.settle(ruid);
      } catch (error) {
        if (error === NOT_YET) throw error;
        adopted.fail(isErrno(error) ? error : new Errno("EIO", `process ${pid} cannot be counted: ${error}`, error));
      }
    });
    return adopted;
  }

  /** Its real uid. Whoever cannot be brought in is left without a listener: its calls fail with ENOSYS. */
  #bring(pid: number, { fd, number }: NewListener, enter: (image: Image, ruid: number) => Job): number {
    try {
      const ids = this.#targets.ids(pid);
      // Its exec would be trapped, and not be answered yet.
      const image = this.#targets.imageNow(pid);
      if (!ids || !image) throw new Errno("ESRCH", `process ${pid} has exited`);
      this.#come({ fd, number }, enter(image, ids.ruid));
      return ids.ruid;
    } catch (error) {
      const known = this.#accounts.population.find(pid);
      if (known) this.#accounts.population.exited(known);
      libcClose(fd);
      throw error;
    }
  }

  #come({ fd, number }: NewListener, job: Job): void {
    this.#listenerJobs.assign(number, job);
    this.#coming.set(number, new Listener(fd, number, job));
  }

  listen(number: number): void {
    const listener = this.#coming.get(number);
    if (!listener) return;
    this.#coming.delete(number);
    this.loop.listen(listener);
  }

  #forget({ number }: Listener): void {
    this.#host.ended(number);
    this.#listenerJobs.ended(number);
  }

  readonly repairer: Requests["repairer"] = (ends) => this.#gate.connect(ends, this.#accounts.population);

  seizeAgain(pid: number): void {
    if (this.#accounts.population.find(pid)) this.#gate.again(pid);
  }

  readonly lift: Requests["lift"] = () => liftLimits(this.#accounts);

  setPolicy(policy: Policy): void {
    this.#limits.set(policy);
    // Who waits for room may have it now.
    this.loop.decideSoon();
  }

  catchUp(): void {}

  readonly settle: Requests["settle"] = () => this.#survey.ask();
  readonly setOvercommit: Requests["setOvercommit"] = (bits) => this.#accounts.setOvercommit(bits);

  readonly limit: Requests["limit"] = (pid) => this.#limits.of(pid);
  readonly setLimit: Requests["setLimit"] = (pid, limit, mayRaise) => this.#limits.give(pid, limit, mayRaise);
  readonly refusals: Requests["refusals"] = (pid) => refusalsOf(this.#accounts, pid);
  readonly swap: Requests["swap"] = () => swapFigures(this.#accounts.ledger);
  readonly jobs: Requests["jobs"] = () => jobsOf(this.#accounts);
  readonly setBudget: Requests["setBudget"] = (job, pages) => this.#listenerJobs.setBudget(job, pages);
  readonly uids: Requests["uids"] = () => uidsOf(this.#accounts);
  readonly payment: Requests["payment"] = (pid) => paymentOf(this.#accounts, pid);
  readonly check: Requests["check"] = () => [...this.#accounts.shortfalls, ...recount(this.#accounts)];
  readonly counters: Requests["counters"] = () => this.#chronicle.counters.lines();

  readonly reserveDisk: Requests["reserveDisk"] = (...disk) => this.#disks.reserve(...disk);
  readonly adoptDisk: Requests["adoptDisk"] = (...disk) => this.#disks.adopt(...disk);
  readonly resizeDisk: Requests["resizeDisk"] = (...disk) => this.#disks.resize(...disk);
  readonly releaseDisk: Requests["releaseDisk"] = (...disk) => this.#disks.release(...disk);

  close(): void {
    for (const { fd } of this.#coming.values()) libcClose(fd);
    this.#reader.close();
    this.#chronicle.close();
    this.loop.close();
  }
}
