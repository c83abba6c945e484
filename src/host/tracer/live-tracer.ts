import type { Arch } from "../../core/abi/arch/arch.ts";
import { signalNumber } from "../../core/abi/signal.ts";
import { isKernelThread } from "../../core/abi/text/stat.ts";
import { statusField } from "../../core/abi/text/status.ts";
import type { Pid, Tid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { ControlScope } from "../../core/procfs/options.ts";
import type { Access, Memory, Process, Seen, Tracer } from "../../core/procfs/ports.ts";
import type { Peek } from "../../core/trace/observer.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { mapOutcome, type Outcome, Parked } from "../../core/vfs/parked.ts";
import { perform, type Steps, step } from "../../core/vfs/steps.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import type { LiveProcessTable } from "../linux/process-table.ts";
import { Attachment } from "./attachment.ts";
import type { Job } from "./borrowing.ts";
import { type Controller, controllerKeyOf, controllerOf, watchController } from "./controller.ts";
import { FilterInstallation } from "./filter-installation.ts";
import { getRegisters, setRegisters } from "./live-ptrace.ts";
import { PassingPeek } from "./passing-peek.ts";
import { waitUntraced } from "./untraced-wait.ts";
import { WaitLoop } from "./wait-loop.ts";

interface Setup {
  readonly processes: LiveProcessTable;
  readonly access: Access;
  readonly arch: Arch;
  readonly memory: Memory;
  /** Told of errors that belong to no request. */
  onBug(error: unknown): void;
}

/** Control of live processes by ptrace, all of it from the main thread. */
export class LiveTracer implements Tracer {
  readonly registerSize: number;
  readonly #setup: Setup;
  readonly #loop: WaitLoop;
  readonly #attached = new Map<Pid, Attachment>();
  readonly #peeks = new Map<Pid, PassingPeek>();
  readonly #controllers = new Map<string, { close(): void }>();
  /** Told when a process is let go or gone. */
  readonly #onFree = new Set<() => void>();

  constructor(setup: Setup) {
    this.#setup = setup;
    this.registerSize = setup.arch.registerSize;
    this.#loop = new WaitLoop(setup.onBug);
    this.#loop.start();
  }

  attach(process: Process, caller: Caller, scope: ControlScope): Outcome<void> {
    const target = process as LiveProcess;
    this.#refuseUnfit(target, caller);
    const controller = controllerOf(caller, scope, this.#setup.processes);
    // A process that is free has nothing left to wait for: attach ends at once.
    if (this.#isVisited(target.pid))
      return mapOutcome(this.#untilFree(target.pid), () => void this.attach(process, caller, scope));
    this.#refuseTraced(target);
    this.#begin(target, caller, controller);
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
      this.#refuseTraced(process as LiveProcess);
      return waitUntraced(process as LiveProcess);
    }
    if (!this.#controls(attachment, caller)) throw this.#otherController(attachment);
    return attachment.whenStopped(() => {});
  }

  deliver(process: Process, caller: Caller, signal: string): Outcome<void> | false {
    const attachment = this.#attached.get(process.pid);
    if (attachment?.tracee.mode !== "stopped" || !this.#controls(attachment, caller)) return false;
    attachment.tracee.deliver(signalNumber(signal));
  }

  readRegisters(process: Process, caller: Caller, allowed: () => void, seen?: Seen): Outcome<Uint8Array> {
    const { arch } = this.#setup;
    return this.#withStopped(process as LiveProcess, caller, allowed, (tid) => getRegisters(tid, arch, seen));
  }

  writeRegisters(
    process: Process,
    caller: Caller,
    offset: number,
    data: Uint8Array,
    allowed: () => void,
  ): Outcome<void> {
    return this.#withStopped(process as LiveProcess, caller, allowed, (tid) => {
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
    while (this.#isVisited(target.pid)) yield* step(this.#untilFree(target.pid));
    const held = this.#attached.get(target.pid);
    if (held && !this.#controls(held, caller)) throw this.#otherController(held);
    if (!held) this.#refuseTraced(target);
    const attachment = held ?? this.#begin(target, caller, undefined);
    yield* step(attachment.borrow(job, this.#setup.arch));
  }

  /** Whether nothing is under control. */
  get idle(): boolean {
    return this.#attached.size + this.#peeks.size === 0;
  }

  /** Lets every process go; resolves when all are free, or after `limitMs`: the kernel frees the rest when we exit. */
  async close(limitMs = 1000): Promise<void> {
    for (const attachment of [...this.#attached.values()]) attachment.detach();
    if (!this.idle) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        this.#onFree.add(() => {
          if (!this.idle) return;
          clearTimeout(timer);
          resolve();
        });
      });
    }
    for (const watch of this.#controllers.values()) watch.close();
    this.#loop.stop();
  }

  #isSelf(target: LiveProcess, caller: Caller): boolean {
    return caller.tid > 0 && this.#setup.processes.ofThread(caller.tid) === target;
  }

  #refuseUnfit(target: LiveProcess, caller: Caller): void {
    if (this.#isSelf(target, caller)) throw new Errno("EINVAL", "a process cannot do this to itself");
    if (target.hasExited()) throw new Errno("EINVAL", `process ${target.pid} has exited and is not yet reaped`);
    if (isKernelThread(target.stat())) throw new Errno("EPERM", `${target.pid} is a kernel thread`);
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

  #begin(target: LiveProcess, caller: Caller, controller: Controller | undefined): Attachment {
    const { processes, access } = this.#setup;
    // What root may control it may control whatever it executes; the writer may long be gone when that happens.
    const unconditional = processes.identity.isOwn(caller);
    const attachment = new Attachment(target, controller, this.#loop, {
      mayKeepAfterExec: () => unconditional || this.#mayDebug(target, caller),
      ended: () => this.#freed(target.pid, controller?.key),
    });
    this.#attached.set(target.pid, attachment);
    try {
      attachment.tracee.attach();
      // It may have executed a set-id image between the check and the seize; from now on exec is reported.
      if (!unconditional) access.debug(target, caller);
      if (controller) this.#watch(controller);
      return attachment;
    } catch (error) {
      if (this.#attached.has(target.pid)) attachment.detach();
      throw error;
    }
  }

  #mayDebug(target: LiveProcess, caller: Caller): boolean {
    try {
      this.#setup.access.debug(target, caller);
      return true;
    } catch (error) {
      if (isErrno(error)) return false;
      throw error;
    }
  }

  #watch(controller: Controller): void {
    if (this.#controllers.has(controller.key)) return;
    const watch = watchController(controller, this.#setup.processes, () => {
      this.#controllers.delete(controller.key);
      for (const attachment of [...this.#attached.values()]) {
        if (attachment.controller?.key === controller.key) attachment.detach();
      }
    });
    this.#controllers.set(controller.key, watch);
  }

  #freed(pid: Pid, key: string | undefined): void {
    this.#attached.delete(pid);
    if (key !== undefined && ![...this.#attached.values()].some((other) => other.controller?.key === key)) {
      this.#controllers.get(key)?.close();
      this.#controllers.delete(key);
    }
    for (const told of [...this.#onFree]) told();
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

  #withStopped<T>(target: LiveProcess, caller: Caller, allowed: () => void, act: (tid: Tid) => T): Outcome<T> {
    if (target.hasExited()) throw new Errno("ESRCH", `process ${target.pid} has exited`);
    if (isKernelThread(target.stat())) throw new Errno("EPERM", `${target.pid} is a kernel thread`);
    if (this.#isSelf(target, caller)) throw new Errno("EDEADLK", "the process is blocked in this very request");
    const parked = new Parked<T>();
    let immediate: { value: T } | undefined;
    const finish = (tid: Tid): void => {
      if (parked.ended) return;
      try {
        allowed();
        immediate = { value: act(tid) };
        parked.settle(immediate.value);
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        parked.fail(error);
      }
    };
    const attachment = this.#attached.get(target.pid);
    if (attachment) {
      if (attachment.tracee.mode === "stopped") return act(attachment.tracee.current);
      attachment.tracee.peek({ act: finish, fail: (error) => parked.fail(error) });
      this.#loop.spin(attachment.tracee.current, () => parked.ended);
    } else this.#peekAt(target, { act: finish, fail: (error) => parked.fail(error) });
    return immediate ? immediate.value : parked;
  }

  #peekAt(target: LiveProcess, look: Peek): void {
    let peek = this.#peeks.get(target.pid);
    if (!peek) {
      this.#refuseTraced(target);
      peek = new PassingPeek(target.pid, this.#loop, () => {
        this.#peeks.delete(target.pid);
        for (const told of [...this.#onFree]) told();
      });
      this.#peeks.set(target.pid, peek);
    }
    peek.add(look);
  }

  #untilFree(pid: Pid): Parked<void> {
    const free = new Parked<void>(() => this.#onFree.delete(told));
    const told = (): void => {
      if (this.#isVisited(pid)) return;
      this.#onFree.delete(told);
      free.settle();
    };
    this.#onFree.add(told);
    return free;
  }
}
