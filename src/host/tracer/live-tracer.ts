import { signalNumber } from "../../core/abi/signal.ts";
import { statusField } from "../../core/abi/text/status.ts";
import type { Pid, Tid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { ControlScope } from "../../core/procfs/options.ts";
import type { Callers, Process, Seen, Tracer } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import { perform, type Steps, step } from "../../core/vfs/steps.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { AttachChecks } from "./attach-checks.ts";
import { Attachment } from "./attachment.ts";
import type { Job } from "./borrowing.ts";
import { type Controller, controllerKeyOf, controllerOf } from "./controller.ts";
import { Controllers } from "./controllers.ts";
import { FilterInstallation } from "./filter-installation.ts";
import { Freed } from "./freed.ts";
import { getRegisters, setRegisters } from "./live-ptrace.ts";
import { lookFor } from "./look.ts";
import { PassingPeeks } from "./passing-peeks.ts";
import { type RepairSharing, UNSHARED } from "./repair-sharing.ts";
import { SeizeWatch } from "./seize-watch.ts";
import type { TracerSetup } from "./tracer-setup.ts";
import { waitUntraced } from "./untraced-wait.ts";
import { WaitLoop } from "./wait-loop.ts";

/** Control of live processes by ptrace, all of it from the main thread. */
export class LiveTracer implements Tracer {
  readonly registerSize: number;
  readonly #setup: TracerSetup;
  readonly #loop: WaitLoop;
  readonly #checks: AttachChecks;
  readonly #seizes: SeizeWatch;
  readonly #sharing: RepairSharing;
  readonly #attached = new Map<Pid, Attachment>();
  readonly #peeks: PassingPeeks;
  readonly #controllers: Controllers;
  readonly #freed = new Freed();

  constructor(setup: TracerSetup) {
    this.#setup = setup;
    this.registerSize = setup.arch.registerSize;
    this.#loop = new WaitLoop(setup.onBug);
    this.#loop.start();
    this.#checks = new AttachChecks(setup.elsewhere, setup.culprits);
    this.#seizes = new SeizeWatch(setup.culprits);
    this.#sharing = setup.sharing ?? UNSHARED;
    this.#peeks = new PassingPeeks(this.#loop, this.#sharing, this.#seizes, () => this.#freed.tell());
    this.#controllers = new Controllers(setup.processes, (key) => {
      for (const attachment of [...this.#attached.values()]) {
        if (attachment.controller?.key === key) attachment.detach();
      }
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
    yield* this.#begin(target, caller, controller);
  }

  /** Until we do not visit it, nobody repairs its calls and an attach would not wait in the kernel. */
  *#freeToBegin(target: LiveProcess, caller: Caller): Steps<void> {
    do {
      while (this.#isVisited(target.pid)) yield* step(this.#freed.until(() => !this.#isVisited(target.pid)));
      if (this.#attached.has(target.pid)) return;
      yield* this.#clear(target, caller);
    } while (this.#isVisited(target.pid));
  }

  /** Of one that is not ours: who repairs its calls lets it go, and an attach would not wait. As {@link AttachChecks.run}. */
  *#clear(target: LiveProcess, caller: Caller): Steps<void> {
    try {
      if (this.#sharing.has(target.pid)) yield* step(this.#sharing.release(target.pid));
      yield* this.#checks.run(target, caller);
      this.#refuseTraced(target);
    } catch (error) {
      this.#sharing.again(target.pid);
      throw error;
    }
  }

  release(process: Process): Outcome<void> {
    return this.#sharing.release(process.pid);
  }

  detach(process: Process, caller: Caller): Outcome<void> {
    const attachment = this.#attached.get(process.pid);
    if (!attachment?.controller) return;
    const isRoot = caller.uid === 0 && this.#setup.processes.identity.isOwn(caller);
    if (!isRoot && !this.#controls(attachment, caller)) throw this.#otherController(attachment);
    return attachment.detach();
  }

  run(process: Process, caller: Caller): Outcome<void> {
    const attachment = this.#stoppable(process, caller);
    return attachment.whenStopped(() => attachment.tracee.run());
  }

  step(process: Process, caller: Caller): Outcome<void> {
    const attachment = this.#stoppable(process, caller);
    return attachment.whenStopped(() => attachment.tracee.step());
  }

  wait(process: Process, caller: Caller): Outcome<void> {
    const attachment = this.#attached.get(process.pid);
    if (!attachment) {
      const seized = this.#sharing.has(process.pid);
      if (!seized) this.#refuseTraced(process as LiveProcess);
      return waitUntraced(process as LiveProcess, seized);
    }
    if (!this.#controls(attachment, caller)) throw this.#otherController(attachment);
    return attachment.whenStopped(() => {});
  }

  deliver(process: Process, caller: Caller, signal: string): Outcome<void> | false {
    const attachment = this.#attached.get(process.pid);
    if (attachment?.tracee.mode !== "stopped" || !this.#controls(attachment, caller)) return false;
    attachment.tracee.deliver(signalNumber(signal));
  }

  readRegisters(process: Process, callers: Callers, seen?: Seen): Outcome<Uint8Array> {
    return this.#withStopped(process as LiveProcess, callers, (tid) => getRegisters(tid, this.#setup.arch, seen));
  }

  writeRegisters(process: Process, callers: Callers, offset: number, data: Uint8Array): Outcome<void> {
    return this.#withStopped(process as LiveProcess, callers, (tid) => {
      const registers = getRegisters(tid, this.#setup.arch);
      registers.set(data, offset);
      setRegisters(tid, this.#setup.arch, registers);
    });
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
    const held = this.#attached.get(target.pid);
    if (held && !this.#controls(held, caller)) throw this.#otherController(held);
    if (!held) this.#refuseTraced(target);
    const attachment = held ?? (yield* this.#begin(target, caller, undefined));
    yield* step(attachment.borrow(job, this.#setup.arch));
  }

  /** Whether nothing is under control. */
  get idle(): boolean {
    return this.#attached.size + this.#peeks.size === 0;
  }

  /** Lets every process go; resolves when all are free, or after `limitMs`: the kernel frees the rest when we exit. */
  async close(limitMs = 1000): Promise<void> {
    for (const attachment of [...this.#attached.values()]) attachment.detach();
    if (!this.idle) await this.#freed.untilAtMost(() => this.idle, limitMs);
    this.#controllers.close();
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
    const attachment = this.#attached.get(pid);
    return this.#peeks.has(pid) || (attachment !== undefined && !attachment.controller);
  }

  #refuseTraced(target: LiveProcess): void {
    const other = this.#attached.get(target.pid);
    if (other) throw new Errno("EBUSY", `process ${target.pid} is controlled by ${other.holder}`);
    const tracer = statusField(target.statusText(), "TracerPid");
    if (tracer !== "0") throw new Errno("EBUSY", `process ${target.pid} is traced by process ${tracer}`);
  }

  *#begin(target: LiveProcess, caller: Caller, controller: Controller | undefined): Steps<Attachment> {
    const { processes, access } = this.#setup;
    // What root may control it may control whatever it executes; the writer may long be gone when that happens.
    const unconditional = processes.identity.isOwn(caller);
    const tracing = { sharing: this.#sharing, watch: this.#seizes };
    const release = controller && this.#setup.attached.take(caller);
    const attachment = new Attachment(target, controller, this.#loop, tracing, {
      mayKeepAfterExec: () => unconditional || this.#mayDebug(target, caller),
      ended: () => {
        release?.();
        this.#wasFreed(target.pid, controller?.key);
      },
    });
    this.#attached.set(target.pid, attachment);
    try {
      attachment.tracee.attach();
      // It may have executed a set-id image between the check and the seize; from now on exec is reported.
      if (!unconditional) yield* step(access.debug(target, caller));
      if (controller) this.#controllers.watch(controller);
      return attachment;
    } catch (error) {
      if (this.#attached.has(target.pid)) attachment.detach();
      throw error;
    }
  }

  /** Asked in the stop at the end of an exec, which leaves no other thread. */
  #mayDebug(target: LiveProcess, caller: Caller): boolean {
    try {
      this.#setup.access.debugStopped(target, caller);
      return true;
    } catch (error) {
      if (isErrno(error)) return false;
      throw error;
    }
  }

  #wasFreed(pid: Pid, key: string | undefined): void {
    this.#attached.delete(pid);
    if (key !== undefined && ![...this.#attached.values()].some((other) => other.controller?.key === key)) {
      this.#controllers.forget(key);
    }
    this.#sharing.again(pid);
    this.#freed.tell();
  }

  #controls(attachment: Attachment, caller: Caller): boolean {
    if (!attachment.controller) return false;
    const { scope, key } = attachment.controller;
    return controllerKeyOf(caller, scope, this.#setup.processes) === key;
  }

  #otherController(attachment: Attachment): Errno {
    return new Errno("EBUSY", `process ${attachment.process.pid} is controlled by ${attachment.holder}`);
  }

  /** The caller's own target, stopped or about to be. */
  #stoppable(process: Process, caller: Caller): Attachment {
    const attachment = this.#attached.get(process.pid);
    if (!attachment) throw new Errno("EBUSY", `process ${process.pid} is not attached`);
    if (!this.#controls(attachment, caller)) throw this.#otherController(attachment);
    const { mode } = attachment.tracee;
    if (mode === "stopped" || mode === "stopping") return attachment;
    throw new Errno("EBUSY", `process ${process.pid} is not stopped`);
  }

  #withStopped<T>(target: LiveProcess, callers: Callers, act: (tid: Tid) => T): Outcome<T> {
    const [caller] = callers;
    if (target.hasExited()) throw new Errno("ESRCH", `process ${target.pid} has exited`);
    if (target.isKernelThread()) throw new Errno("EPERM", `${target.pid} is a kernel thread`);
    if (this.#isSelf(target, caller)) throw new Errno("EDEADLK", "the process is blocked in this very request");
    return perform(this.#look(target, callers, act));
  }

  *#look<T>(target: LiveProcess, callers: Callers, act: (tid: Tid) => T): Steps<T> {
    if (!this.#peeks.has(target.pid) && !this.#attached.has(target.pid)) yield* this.#clear(target, callers[0]);
    const attachment = this.#attached.get(target.pid);
    if (attachment?.tracee.mode === "stopped") return act(attachment.tracee.current);
    const parked = new Parked<T>();
    const allow = (tid: Tid): void => {
      for (const each of callers) this.#setup.access.debugThread(target, tid, each);
    };
    const look = lookFor(parked, allow, act);
    if (attachment) {
      attachment.tracee.peek(look);
      this.#loop.spin(attachment.tracee.current, () => parked.ended);
    } else this.#peeks.add(target, look, () => this.#refuseTraced(target));
    return yield* step(parked);
  }
}
