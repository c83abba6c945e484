import type { WaitStatus } from "../abi/wait.ts";
import type { Pid, Tid } from "../base/brand.ts";
import { Errno, type ErrnoName } from "../base/errno.ts";
import type { CodePort } from "./code-port.ts";
import { Loans } from "./loan.ts";
import type { Mode, Peek, TraceeObserver } from "./observer.ts";
import { OwnSignals } from "./own-signals.ts";
import { Peeks } from "./peeks.ts";
import { Places } from "./places.ts";
import type { PtracePort } from "./ptrace-port.ts";
import { Report } from "./report.ts";
import { SteppingOff } from "./stepping-off.ts";
import { Strangers } from "./strangers.ts";
import { type Thread, ThreadSet } from "./thread-set.ts";

/** What the wait statuses of a process's threads lead to, mode by mode; its words are {@link Tracee}'s. */
export class Machine {
  readonly threads: ThreadSet;
  readonly report: Report;
  readonly loans: Loans = new Loans();
  readonly signals: OwnSignals;
  readonly places: Places;
  readonly off: SteppingOff;
  readonly #pid: Pid;
  readonly #observer: TraceeObserver;
  readonly #peeks: Peeks;
  readonly #strangers: Strangers;
  #mode: Mode = "stopping";
  /** Threads may have been born unseen since the last full stop: not while all others are held for a step. */
  #mayHaveGrown = true;

  constructor(pid: Pid, ptrace: PtracePort, code: CodePort, observer: TraceeObserver) {
    this.#pid = pid;
    this.#observer = observer;
    this.places = new Places(code);
    const { breaks, table, watches } = this.places;
    this.threads = new ThreadSet(ptrace, observer, watches);
    this.report = new Report(this.threads, table, pid as number as Tid);
    this.signals = new OwnSignals(ptrace, this.threads);
    this.#peeks = new Peeks(this.threads);
    this.#strangers = new Strangers(ptrace, code, observer);
    this.off = new SteppingOff(this.threads, breaks, code);
  }

  get mode(): Mode {
    return this.#mode;
  }

  reason(code: ErrnoName, what: string): Errno {
    return new Errno(code, `process ${this.#pid} ${what}`);
  }

  get isLeaving(): boolean {
    return this.#mode === "detaching" || this.#mode === "gone";
  }

  /** ESRCH. */
  known(tid: Tid): Thread {
    if (!this.threads.has(tid)) throw this.reason("ESRCH", `has no thread ${tid}`);
    return this.threads.get(tid);
  }

  /** A stopped process goes on; whoever calls resumes the thread that is stepped. */
  go(mode: "running" | "stepping"): void {
    this.signals.endJobStop();
    this.report.isNew = true;
    this.#mode = mode;
    this.places.watches.refresh();
    if (mode === "stepping") return;
    this.#mayHaveGrown = true;
    this.off.begin(this.report.current);
    this.#proceed();
  }

  /**
   * The process, all threads of which are stopped, goes on running: first those that stand on a breakpoint, one by one, by an
   * instruction, then all with the breakpoints in memory; none while one waits for a child that has its memory.
   */
  #proceed(): void {
    if (this.loans.any) {
      this.checkLoans();
      return;
    }
    const vforked = this.off.waitForChildren;
    if ((vforked || this.off.next) && !this.#are("out")) return;
    if (vforked && !this.#strangers.dismissSharing()) return;
    if (this.off.stepNext()) return;
    if (!vforked && !this.#are("in")) return;
    this.off.resumeAll();
  }

  /** Whether the breakpoints are in memory, or not, as is wanted; else the process goes on from here when they are. */
  #are(wanted: "in" | "out"): boolean {
    return this.places.breaks.are(wanted, () => {
      if (this.#mode === "detaching") this.leave();
      else if (this.#mode === "stopping") this.#checkStopped();
      else if (this.#mode !== "gone") this.goOn();
    });
  }

  /** Stops every thread that runs. */
  stop(): void {
    this.#mode = "stopping";
    this.threads.interruptRunning();
    this.#checkStopped();
  }

  /** To a plain trap stop, without an instruction being executed. */
  toTrap(thread: Thread): void {
    this.#mode = "stopping";
    this.threads.interrupt(thread);
    this.threads.resume(thread, "run", 0);
  }

  tell(): void {
    const { isNew } = this.report;
    this.places.table.arrived();
    this.report.isNew = false;
    this.#observer.stopped(isNew);
  }

  /** From now on the stop is that of `thread`, which nobody was told of. */
  tellOf(thread: Thread): void {
    this.report.isNew = true;
    this.report.of(thread);
    this.tell();
  }

  /** Looks at a thread as soon as it is stopped and nobody has borrowed one. */
  ask(peek: Peek, thread: Thread, isCurrent: boolean): void {
    this.#peeks.ask(peek, thread, isCurrent, this.loans.lent);
  }

  /** Lets every thread go, those that run as soon as they have stopped. */
  leave(): void {
    if (this.#mode === "gone") return;
    this.#mode = "detaching";
    this.loans.refuse(this.reason("EBUSY", "is being let go"));
    if (this.loans.lent || !this.#are("out")) return;
    this.#strangers.dismissSharing();
    for (const thread of this.threads.all()) {
      if (thread.stop) this.threads.letGo(thread);
      else this.threads.interrupt(thread);
    }
    this.#checkDetached();
  }

  handle(tid: Tid, status: WaitStatus): void {
    if (this.#strangers.has(tid)) {
      this.#strangers.dismiss(tid, status, this.places.breaks.areOut);
      this.#proceedIfHeld();
    } else if (status.kind === "exited" || status.kind === "signaled") this.vanished(tid);
    else if (status.kind === "stopped") this.#stopped(tid, status.signal, status.event);
  }

  vanished(tid: Tid): void {
    if (this.#strangers.forget(tid) || !this.threads.remove(tid)) return;
    const lost = this.loans.lost(tid, this.reason("ESRCH", "has exited"));
    if (this.#mode === "detaching") this.leave();
    else if (this.threads.size === 0) {
      this.#strangers.orphaned(this.places.breaks.planted);
      this.#end(this.reason("ESRCH", "has exited"));
      this.#observer.exited();
    } else {
      if (tid === this.report.current) this.#replaceCurrent();
      this.#askAgain(tid);
      this.#checkStopped();
      this.off.lost(tid);
      if (lost) this.goOn();
      else if (this.loans.any) this.checkLoans();
      else this.#proceedIfHeld();
    }
  }

  #replaceCurrent(): void {
    this.report.replace();
    if (this.#mode !== "stepping") return;
    this.#mode = "stopping";
    this.report.next({ kind: "lost" });
  }

  /** Whoever wanted to look at a thread that has gone. */
  #askAgain(gone: Tid): void {
    const looks = this.#peeks.lost(gone, this.reason("ESRCH", `has no thread ${gone}`));
    for (const look of looks) this.ask(look, this.threads.get(this.report.current), true);
  }

  #stopped(tid: Tid, signal: number, event: number): void {
    if (this.loans.takes(tid, signal, event)) return;
    const thread = this.threads.has(tid) ? this.threads.get(tid) : this.threads.add(tid);
    const stop = this.threads.classifyCall(thread, this.places.classify(thread, signal, event));
    thread.asked = false;
    thread.stop = stop;
    thread.reported = false;
    // Overtaken by an interrupt it would be somebody else's signal: the death of a process that is let go.
    const isInterrupted = stop.kind === "trap" && event !== 0;
    if (isInterrupted && this.places.mayHaveTrapped(thread) && this.threads.takeTrap(thread)) return;
    if (stop.kind === "clone" || stop.kind === "vfork")
      this.#strangers.sort(tid, this.threads, this.places.breaks.planted, stop.kind === "vfork");
    this.off.stopped(thread);
    const onTheWay = this.#mode === "running" || this.#mode === "stepping";
    if (stop.kind === "exec") this.#execed(thread);
    else if (stop.kind !== "signal" || !onTheWay || !this.signals.takes(thread, stop.signal)) this.#settle(thread);
  }

  #execed(thread: Thread): void {
    this.places.forget();
    this.off.forget();
    const others = this.threads.all().filter((other) => other !== thread);
    for (const { tid } of others) this.threads.remove(tid);
    this.report.replace();
    for (const { tid } of others) this.#askAgain(tid);
    if (this.#mode === "detaching") this.#settle(thread);
    else if (this.#observer.mayKeepAfterExec()) {
      this.report.next({ kind: "exec" });
      // The thread is still inside the call: a step would end there, with nothing executed.
      this.toTrap(thread);
    } else this.leave();
  }

  /** What a fresh stop leads to. */
  #settle(thread: Thread): void {
    this.#peeks.act(thread.tid);
    switch (this.#mode) {
      case "running":
      case "stepping":
        if (this.report.hasNews(thread)) {
          this.report.of(thread);
          this.stop();
        } else if (this.loans.any) this.checkLoans();
        else if (this.#mode === "running" && this.off.isHolding) this.#proceedIfHeld();
        else if (this.#mode === "running") this.threads.resume(thread, "run", 0);
        else if (thread.tid === this.report.current) this.threads.resume(thread, "step", 0);
        return;
      case "detaching":
        if (!this.#are("out")) return;
        this.threads.letGo(thread);
        this.#checkDetached();
        return;
      default:
        if (!this.threads.takeStep(thread)) this.#checkStopped();
    }
  }

  get #isStill(): boolean {
    return this.threads.all().every(({ stop }) => stop);
  }

  /** All are held while some go off breakpoints: who is next, when all have stopped. */
  #proceedIfHeld(): void {
    if (this.#mode !== "running" || !this.off.isHolding) return;
    if (this.#isStill) this.#proceed();
    else this.off.hold();
  }

  #checkStopped(): void {
    if (this.#mode !== "stopping" || !this.#isStill) return;
    if (this.#mayHaveGrown && this.threads.seizeNew()) {
      this.threads.interruptRunning();
      return;
    }
    this.#mayHaveGrown = false;
    if (!this.#are("out")) return;
    this.report.settle();
    this.#mode = "stopped";
    if (this.loans.any) this.checkLoans();
    else this.tell();
  }

  /** Lends a thread to who waits for one, when all are stopped. */
  checkLoans(): void {
    if (!this.loans.any || this.loans.lent || this.isLeaving || this.#mode === "stopping") return;
    if (!this.#isStill) return;
    if (this.#mode === "running" && this.threads.seizeNew()) this.threads.interruptRunning();
    else if (this.#are("out")) this.loans.begin(this.threads.all(), this.report.current, () => this.goOn());
  }

  /** After a loan: what was held for it goes on. */
  goOn(): void {
    if (this.#mode === "detaching") this.leave();
    else if (this.loans.any) this.checkLoans();
    else if (this.#mode === "stopped") {
      this.#peeks.actAll();
      this.tell();
    } else {
      this.#peeks.actAll();
      const held = this.#mode === "stepping" ? [this.threads.get(this.report.current)] : this.threads.all();
      const news = held.find((thread) => this.report.hasNews(thread));
      if (news) this.#settle(news);
      else if (this.#mode === "running" && this.#isStill) this.#proceed();
      else for (const thread of held) if (thread.stop) this.#settle(thread);
    }
  }

  #checkDetached(): void {
    if (this.#mode !== "detaching" || this.threads.size > 0) return;
    this.#end(this.reason("EBUSY", "was let go"));
    this.#observer.detached();
  }

  #end(reason: Errno): void {
    this.#mode = "gone";
    this.#peeks.fail(reason);
    this.loans.refuse(reason);
  }
}
