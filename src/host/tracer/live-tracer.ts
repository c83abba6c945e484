import { DEBUG_REGISTERS } from "../../core/abi/arch/debug-registers.ts";
import { signalNumber } from "../../core/abi/signal.ts";
import { statusField } from "../../core/abi/text/status.ts";
import type { Pid, Tid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import type { ControlScope } from "../../core/procfs/options.ts";
import type {
  Callers,
  Events,
  Process,
  RegisterRead,
  RegisterSet,
  RegisterWrite,
  Tracer,
} from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import type { Outcome } from "../../core/vfs/parked.ts";
import { perform, type Steps, step } from "../../core/vfs/steps.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { AttachChecks } from "./attach-checks.ts";
import { Attachments } from "./attachments.ts";
import type { Job } from "./borrowing.ts";
import { type Controller, controllerOf } from "./controller.ts";
import { DebugRegisters } from "./debug-registers.ts";
import { EventLogs } from "./event-logs.ts";
import { FilterInstallation } from "./filter-installation.ts";
import { Freed } from "./freed.ts";
import { LiveBreakpoints } from "./live-breakpoints.ts";
import { getRegisterSet, setRegisterSet } from "./live-ptrace.ts";
import { Looks } from "./looks.ts";
import { PassingPeeks } from "./passing-peeks.ts";
import { type RepairSharing, UNSHARED } from "./repair-sharing.ts";
import { SeizeWatch } from "./seize-watch.ts";
import { stateLine } from "./stop-text.ts";
import type { TracerSetup } from "./tracer-setup.ts";
import { waitUntraced } from "./untraced-wait.ts";
import { WaitLoop } from "./wait-loop.ts";

/** Control of live processes by ptrace, all of it from the main thread: what the words of procfs(5) and the register files ask for. */
export class LiveTracer implements Tracer {
  readonly registerSizes: Readonly<Record<RegisterSet, number>>;
  readonly breakpoints: LiveBreakpoints;
  readonly #setup: TracerSetup;
  readonly #debug: DebugRegisters;
  readonly #loop: WaitLoop;
  readonly #checks: AttachChecks;
  readonly #seizes: SeizeWatch;
  readonly #sharing: RepairSharing;
  readonly #attachments: Attachments;
  readonly #peeks: PassingPeeks;
  readonly #looks: Looks;
  readonly #freed = new Freed();
  readonly #logs = new EventLogs();

  constructor(setup: TracerSetup) {
    const { processes, access, arch, elsewhere, memory, culprits, onBug, attached, sharing = UNSHARED } = setup;
    this.#setup = setup;
    this.registerSizes = { general: arch.registerSize, floating: arch.floating.size, debug: 8 * DEBUG_REGISTERS };
    this.#debug = new DebugRegisters(arch);
    this.#sharing = sharing;
    const loop = new WaitLoop(onBug);
    this.#loop = loop;
    loop.start();
    this.#checks = new AttachChecks(elsewhere, culprits);
    this.#seizes = new SeizeWatch(culprits);
    const peeks = new PassingPeeks(loop, sharing, this.#seizes, () => this.#freed.tell());
    const attachments = new Attachments({
      processes,
      access,
      quota: attached,
      memory,
      tracing: { arch, loop, sharing, watch: this.#seizes, logs: this.#logs },
      freed: (pid) => {
        sharing.again(pid);
        this.#freed.tell();
      },
    });
    this.breakpoints = new LiveBreakpoints({ attachments, processes, elsewhere, arch });
    this.#peeks = peeks;
    this.#attachments = attachments;
    this.#looks = new Looks({
      access,
      attachments,
      peeks,
      loop,
      isSelf: (target, caller) => this.#isSelf(target, caller),
      freed: this.#freed,
      clear: (target, caller) => this.#clear(target, caller),
    });
  }

  attach(process: Process, caller: Caller, scope: ControlScope): Outcome<void> {
    const target = process as LiveProcess;
    this.#refuseUnfit(target, caller);
    const controller = controllerOf(caller, scope, this.#setup.processes);
    return perform(this.#attach(target, caller, controller));
  }

  *#attach(target: LiveProcess, caller: Caller, controller: Controller): Steps<void> {
    yield* this.#freeToBegin(target, caller);
    this.#refuseTraced(target);
    yield* this.#attachments.begin(target, caller, controller);
  }

  /** Until we do not visit it, nobody repairs its calls and an attach would not wait in the kernel. */
  *#freeToBegin(target: LiveProcess, caller: Caller): Steps<void> {
    do {
      while (this.#isVisited(target.pid)) yield* step(this.#freed.until(() => !this.#isVisited(target.pid)));
      if (this.#attachments.get(target.pid)) return;
      yield* this.#clear(target, caller);
    } while (this.#isVisited(target.pid));
  }

  /** Of one that is not ours: who repairs its calls lets it go, and an attach would not wait. As {@link AttachChecks.run}. */
  *#clear(target: LiveProcess, caller: Caller): Steps<void> {
    // Another request may have taken it meanwhile: that is for whoever asks to see.
    const isOurs = (): boolean => this.#peeks.has(target.pid) || this.#attachments.get(target.pid) !== undefined;
    try {
      do {
        if (this.#sharing.has(target.pid)) yield* step(this.#sharing.release(target.pid));
        yield* this.#checks.run(target, caller);
      } while (this.#sharing.has(target.pid) && !isOurs());
      if (!isOurs()) this.#refuseTraced(target);
    } catch (error) {
      if (!isOurs()) this.#sharing.again(target.pid);
      throw error;
    }
  }

  release(process: Process): Outcome<void> {
    return this.#sharing.release(process.pid);
  }

  detach(process: Process, caller: Caller): Outcome<void> {
    return this.#attachments.detach(process, caller);
  }

  run(process: Process, caller: Caller): Outcome<void> {
    const attachment = this.#attachments.stoppable(process, caller);
    return attachment.whenStopped(() => attachment.tracee.run());
  }

  step(process: Process, caller: Caller): Outcome<void> {
    const attachment = this.#attachments.stoppable(process, caller);
    return attachment.whenStopped(() => attachment.tracee.step());
  }

  halt(process: Process, caller: Caller): void {
    this.#attachments.ofCaller(process, caller).tracee.halt();
  }

  wait(process: Process, caller: Caller): Outcome<void> {
    const attachment = this.#attachments.get(process.pid);
    if (!attachment) {
      const seized = this.#sharing.has(process.pid);
      if (!seized) this.#refuseTraced(process as LiveProcess);
      return waitUntraced(process as LiveProcess, seized);
    }
    this.#attachments.requireControl(attachment, caller);
    return attachment.whenStopped(() => {});
  }

  choose(process: Process, caller: Caller, tid: Tid): Outcome<void> {
    const attachment = this.#attachments.stoppable(process, caller);
    return attachment.whenStopped(() => attachment.tracee.choose(tid));
  }

  deliver(process: Process, caller: Caller, signal: string, tid?: Tid): Outcome<void> | false {
    const attachment = this.#attachments.get(process.pid);
    if (attachment?.tracee.mode !== "stopped" || !this.#attachments.controls(attachment, caller)) return false;
    if (tid !== undefined) attachment.tracee.choose(tid);
    attachment.tracee.deliver(signalNumber(signal));
  }

  why(process: Process, tid?: Tid): Outcome<string> {
    const attachment = this.#attachments.get(process.pid);
    if (!attachment?.controller) return stateLine(process as LiveProcess, tid);
    return attachment.tracee.isStopped ? attachment.whenStopped(() => attachment.stopLine(tid)) : "running";
  }

  isStopped(process: Process): boolean {
    const attachment = this.#attachments.get(process.pid);
    return attachment?.controller !== undefined && attachment.tracee.isStopped;
  }

  events(process: Process, news: () => void): Events {
    return this.#logs.open(process as LiveProcess, news);
  }

  readRegisters(process: Process, callers: Callers, { set, tid, seen }: RegisterRead): Outcome<Uint8Array> {
    const read = (thread: Tid): Uint8Array => {
      const registers = this.#get(thread, set);
      seen?.(registers);
      return registers;
    };
    return this.#looks.take(process as LiveProcess, callers, read, tid);
  }

  writeRegisters(process: Process, callers: Callers, { set, offset, data, tid }: RegisterWrite): Outcome<void> {
    const write = (thread: Tid): void => {
      const registers = this.#get(thread, set);
      registers.set(data, offset);
      setRegisterSet(thread, this.#note(set), registers);
    };
    return this.#looks.take(process as LiveProcess, callers, write, tid);
  }

  #get(tid: Tid, set: RegisterSet): Uint8Array {
    return set === "debug" ? this.#debug.bytes(tid) : getRegisterSet(tid, this.#note(set), this.registerSizes[set]);
  }

  #note(set: RegisterSet): number {
    const { ntPrstatus, floating } = this.#setup.arch;
    if (set === "debug") throw new Errno("EPERM", "the debug registers are set by the word watch");
    return set === "general" ? ntPrstatus : floating.note;
  }

  /**
   * Puts a process with all its threads under a seccomp filter, as if it had done so itself; it runs on, or stays stopped,
   * as it was. `owner` gets the listener, which is his from then on: the filter cannot be taken off again, so he gets it
   * also when the request has been interrupted since. `program` is an array of struct sock_filter that lets close(2)
   * pass. As attach; EBUSY, too, where seccomp does not take another filter, EOPNOTSUPP for a 32-bit program.
   */
  installFilter(
    process: Process,
    caller: Caller,
    program: Uint8Array,
    owner: (listener: number) => void,
  ): Outcome<void> {
    const target = process as LiveProcess;
    const { arch, memory } = this.#setup;
    this.#refuseUnfit(target, caller);
    const install = new FilterInstallation({ target, caller, program, arch, memory, owner });
    return perform(this.#withThread(target, caller, install));
  }

  *#withThread<T>(target: LiveProcess, caller: Caller, job: Job<T>): Steps<void> {
    yield* this.#freeToBegin(target, caller);
    const held = this.#attachments.get(target.pid);
    if (held) this.#attachments.requireControl(held, caller);
    else this.#refuseTraced(target);
    const attachment = held ?? (yield* this.#attachments.begin(target, caller, undefined));
    yield* step(attachment.borrow(job));
  }

  /** Whether somebody controls a process. */
  get controls(): boolean {
    return this.#attachments.size > 0;
  }

  /** Whether nothing is under control, nor looked at. */
  get idle(): boolean {
    return this.#attachments.size + this.#peeks.size === 0;
  }

  /** Lets every process go; resolves when all are free, or after `limitMs`: the kernel frees the rest when we exit. */
  async close(limitMs = 1000): Promise<void> {
    this.#attachments.detachAll();
    if (!this.idle) await this.#freed.untilAtMost(() => this.idle, limitMs);
    this.#attachments.close();
    this.#logs.close();
    this.#loop.stop();
    this.#seizes.close();
  }

  #isSelf(target: LiveProcess, caller: Caller): boolean {
    return caller.tid > 0 && this.#setup.processes.ofThread(caller.tid) === target;
  }

  #refuseUnfit(target: LiveProcess, caller: Caller): void {
    if (this.#isSelf(target, caller)) throw new Errno("EINVAL", "a process cannot do this to itself");
    if (target.hasExited()) throw new Errno("EINVAL", `process ${target.pid} has exited and is not yet reaped`);
    if (target.isKernelThread()) throw new Errno("EPERM", `${target.pid} is a kernel thread`);
  }

  /** Ours for a moment. */
  #isVisited(pid: Pid): boolean {
    const attachment = this.#attachments.get(pid);
    return this.#peeks.has(pid) || (attachment !== undefined && !attachment.controller);
  }

  #refuseTraced(target: LiveProcess): void {
    const other = this.#attachments.get(target.pid);
    if (other) throw new Errno("EBUSY", `process ${target.pid} is controlled by ${other.holder}`);
    const tracer = statusField(target.statusText(), "TracerPid");
    if (tracer !== "0") throw new Errno("EBUSY", `process ${target.pid} is traced by process ${tracer}`);
  }
}
