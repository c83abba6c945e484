import type { Pid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { Process } from "../../core/procfs/ports.ts";
import type { PerUid } from "../../core/procfs/quotas.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import type { Outcome } from "../../core/vfs/parked.ts";
import { type Steps, step } from "../../core/vfs/steps.ts";
import type { KernelAccess } from "../linux/access.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import type { LiveMemory } from "../linux/memory.ts";
import type { LiveProcessTable } from "../linux/process-table.ts";
import { Attachment, type Tracing } from "./attachment.ts";
import { type Controller, controllerKeyOf } from "./controller.ts";
import { Controllers } from "./controllers.ts";
import type { Spaces } from "./live-code.ts";
import { mostThreads } from "./most-threads.ts";

interface Setup {
  readonly processes: LiveProcessTable;
  readonly access: KernelAccess;
  /** How many each uid may control. */
  readonly quota: PerUid;
  readonly memory: LiveMemory;
  readonly tracing: Tracing;
  /** Told when a process was let go, or is gone. */
  freed(pid: Pid): void;
}

/** The processes under control, or visited: who has them, and how that begins and ends. */
export class Attachments {
  readonly #setup: Setup;
  readonly #attached = new Map<Pid, Attachment>();
  readonly #controllers: Controllers;

  constructor(setup: Setup) {
    this.#setup = setup;
    this.#controllers = new Controllers(setup.processes, (key) => {
      for (const attachment of [...this.#attached.values()]) {
        if (attachment.controller?.key === key) attachment.detach();
      }
    });
  }

  get size(): number {
    return this.#attached.size;
  }

  get(pid: Pid): Attachment | undefined {
    return this.#attached.get(pid);
  }

  /** Takes it. `controller` undefined: a visit of ours. EBUSY, EPERM, ESRCH; EAGAIN where the caller controls too many. */
  *begin(target: LiveProcess, caller: Caller, controller: Controller | undefined): Steps<Attachment> {
    const { processes, access, tracing } = this.#setup;
    // What root may control it may control whatever it executes; the writer may long be gone when that happens.
    const unconditional = processes.identity.isOwn(caller);
    const release = controller && this.#setup.quota.take(caller);
    const attachment = new Attachment(target, controller, tracing, {
      mostThreads: mostThreads(target, caller),
      spaces: this.#spacesOf(target, caller),
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

  /** Memory as the caller may open it, who controls the process. */
  #spacesOf(target: LiveProcess, caller: Caller): Spaces {
    const { access, memory, processes } = this.#setup;
    return {
      own: () => memory.openStopped(target, caller),
      descriptor: () => access.openMemoryStopped(target, caller),
      ofChild: (child) => {
        const process = processes.ofThread(child) as LiveProcess | undefined;
        if (!process) throw new Errno("ESRCH", `process ${child} has exited`);
        return memory.openStopped(process, caller);
      },
    };
  }

  /** Whether it is the caller's. */
  controls(attachment: Attachment, caller: Caller): boolean {
    if (!attachment.controller) return false;
    const { scope, key } = attachment.controller;
    return controllerKeyOf(caller, scope, this.#setup.processes) === key;
  }

  /** EBUSY unless it is the caller's. */
  requireControl(attachment: Attachment, caller: Caller): void {
    if (!this.controls(attachment, caller))
      throw new Errno("EBUSY", `process ${attachment.process.pid} is controlled by ${attachment.holder}`);
  }

  /** The caller's own. EBUSY. */
  ofCaller(process: Process, caller: Caller): Attachment {
    const attachment = this.#attached.get(process.pid);
    if (!attachment) throw new Errno("EBUSY", `process ${process.pid} is not attached`);
    this.requireControl(attachment, caller);
    return attachment;
  }

  /** The same, stopped or about to be. */
  stoppable(process: Process, caller: Caller): Attachment {
    const attachment = this.ofCaller(process, caller);
    const { mode } = attachment.tracee;
    if (mode === "stopped" || mode === "stopping") return attachment;
    throw new Errno("EBUSY", `process ${process.pid} is not stopped`);
  }

  /** Lets it go. EBUSY where it is another's, unless the caller is root. */
  detach(process: Process, caller: Caller): Outcome<void> {
    const attachment = this.#attached.get(process.pid);
    if (!attachment?.controller) return;
    const isRoot = caller.uid === 0 && this.#setup.processes.identity.isOwn(caller);
    if (!isRoot) this.requireControl(attachment, caller);
    return attachment.detach();
  }

  detachAll(): void {
    for (const attachment of [...this.#attached.values()]) attachment.detach();
  }

  close(): void {
    this.#controllers.close();
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
    this.#setup.freed(pid);
  }
}
