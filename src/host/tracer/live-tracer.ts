import type { Arch } from "../../core/abi/arch/arch.ts";
import { signalNumber } from "../../core/abi/signal.ts";
import { isKernelThread, isStopped } from "../../core/abi/text/stat.ts";
import { statusField } from "../../core/abi/text/status.ts";
import type { Pid, Tid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { ControlScope } from "../../core/procfs/options.ts";
import type { Access, Process, Tracer } from "../../core/procfs/ports.ts";
import type { Peek } from "../../core/trace/observer.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { mapOutcome, type Outcome, Parked } from "../../core/vfs/parked.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import type { LiveProcessTable } from "../linux/process-table.ts";
import { Attachment } from "./attachment.ts";
import { type Controller, controllerKeyOf, controllerOf, watchController } from "./controller.ts";
import { getRegisters, setRegisters } from "./live-ptrace.ts";
import { PassingPeek } from "./passing-peek.ts";
import { WaitLoop } from "./wait-loop.ts";

/** How often an untraced process is looked at while somebody waits for it to stop: the kernel tells only its tracer. */
const UNTRACED_WAIT_MS = 4;

interface Setup {
  readonly processes: LiveProcessTable;
  readonly access: Access;
  readonly arch: Arch;
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
    if (this.#isSelf(target, caller)) throw new Errno("EINVAL", "a process cannot attach to itself");
    if (target.hasExited()) throw new Errno("EINVAL", `process ${target.pid} has exited and is not yet reaped`);
    if (isKernelThread(target.stat())) throw new Errno("EPERM", `${target.pid} is a kernel thread`);
    const controller = controllerOf(caller, scope, this.#setup.processes);
    if (this.#peeks.has(target.pid)) return this.#onceFree(target, () => this.attach(process, caller, scope));
    this.#refuseTraced(target);
    this.#begin(target, caller, controller);
  }

  detach(process: Process, caller: Caller): Outcome<void> {
    const attachment = this.#attached.get(process.pid);
    if (!attachment) return;
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
    if (!attachment) return this.#waitUntraced(process as LiveProcess);
    if (!this.#controls(attachment, caller)) throw this.#otherController(attachment);
    return attachment.whenStopped(() => {});
  }

  deliver(process: Process, caller: Caller, signal: string): Outcome<void> | false {
    const attachment = this.#attached.get(process.pid);
    if (attachment?.tracee.mode !== "stopped" || !this.#controls(attachment, caller)) return false;
    attachment.tracee.deliver(signalNumber(signal));
  }

  readRegisters(process: Process, caller: Caller, allowed: () => void): Outcome<Uint8Array> {
    return this.#withStopped(process as LiveProcess, caller, allowed, (tid) => getRegisters(tid, this.#setup.arch));
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

  #refuseTraced(target: LiveProcess): void {
    const other = this.#attached.get(target.pid);
    if (other) throw new Errno("EBUSY", `process ${target.pid} is controlled by ${other.controller.key}`);
    const tracer = statusField(target.statusText(), "TracerPid");
    if (tracer !== "0") throw new Errno("EBUSY", `process ${target.pid} is traced by process ${tracer}`);
  }

  #begin(target: LiveProcess, caller: Caller, controller: Controller): void {
    const { processes, access } = this.#setup;
    // What root may control it may control whatever it executes; the writer may long be gone when that happens.
    const unconditional = processes.identity.isOwn(caller);
    const attachment = new Attachment(target, controller, this.#loop, {
      mayKeepAfterExec: () => unconditional || this.#mayDebug(target, caller),
      ended: () => this.#freed(target.pid, controller.key),
    });
    this.#attached.set(target.pid, attachment);
    try {
      attachment.tracee.attach();
      // It may have executed a set-id image between the check and the seize; from now on exec is reported.
      if (!unconditional) access.debug(target, caller);
      this.#watch(controller);
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
        if (attachment.controller.key === controller.key) attachment.detach();
      }
    });
    this.#controllers.set(controller.key, watch);
  }

  #freed(pid: Pid, key: string): void {
    this.#attached.delete(pid);
    if (![...this.#attached.values()].some((other) => other.controller.key === key)) {
      this.#controllers.get(key)?.close();
      this.#controllers.delete(key);
    }
    for (const told of [...this.#onFree]) told();
  }

  #controls(attachment: Attachment, caller: Caller): boolean {
    const { scope, key } = attachment.controller;
    return controllerKeyOf(caller, scope, this.#setup.processes) === key;
  }

  #otherController(attachment: Attachment): Errno {
    return new Errno("EBUSY", `process ${attachment.process.pid} is controlled by ${attachment.controller.key}`);
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

  #onceFree(target: LiveProcess, then: () => Outcome<void>): Outcome<void> {
    const free = new Parked<void>(() => this.#onFree.delete(told));
    const told = (): void => {
      if (this.#peeks.has(target.pid)) return;
      this.#onFree.delete(told);
      free.settle();
    };
    this.#onFree.add(told);
    // A process that is free has nothing left to wait for: attach ends at once.
    return mapOutcome(free, () => void then());
  }

  #waitUntraced(target: LiveProcess): Outcome<void> {
    this.#refuseTraced(target);
    const stopped = (): boolean => {
      if (target.hasExited()) throw new Errno("ESRCH", `process ${target.pid} has exited`);
      return isStopped(target.stat());
    };
    if (stopped()) return;
    const parked = new Parked<void>(() => clearInterval(timer));
    const timer = setInterval(() => {
      try {
        if (!stopped()) return;
        parked.settle();
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        parked.fail(error);
      }
      clearInterval(timer);
    }, UNTRACED_WAIT_MS);
    return parked;
  }
}
