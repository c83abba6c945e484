import { PTRACE_DETACH, PTRACE_INTERRUPT, PTRACE_SEIZE } from "../../core/abi/ptrace.ts";
import { statusField } from "../../core/abi/text/status.ts";
import type { WaitStatus } from "../../core/abi/wait.ts";
import type { Tid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { Peek } from "../../core/trace/observer.ts";
import { check } from "../linux/ffi/call.ts";
import { libcPtraceNumber } from "../linux/ffi/libc.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import type { RepairSharing } from "./repair-sharing.ts";
import type { SeizeWatch } from "./seize-watch.ts";
import type { Traced, WaitLoop } from "./wait-loop.ts";

/** How often a visit that lasts is looked at. */
const SILENCE_MS = 20;

/**
 * A moment's stop of one thread of a process nobody controls: it is seized, interrupted, looked at and let go. No signal
 * is involved, and a job-control stop or a signal that comes in between stays in force.
 */
export class PassingPeek implements Traced {
  readonly #target: LiveProcess;
  #tid: Tid;
  readonly #loop: WaitLoop;
  readonly #sharing: RepairSharing;
  readonly #ended: () => void;
  #looks: Peek[] = [];
  #isOver = false;
  /** Looks for what no SIGCHLD tells: that another thread has executed a new image, and taken the place of the first. */
  #silence: NodeJS.Timeout | undefined;

  /** EPERM, ESRCH. `ended` is called once, when the process is free again or gone. */
  constructor(
    target: LiveProcess,
    tid: Tid,
    loop: WaitLoop,
    { sharing, watch }: { readonly sharing: RepairSharing; readonly watch: SeizeWatch },
    ended: () => void,
  ) {
    this.#target = target;
    this.#tid = tid;
    this.#loop = loop;
    this.#sharing = sharing;
    this.#ended = ended;
    watch.during(target, () => check(libcPtraceNumber(PTRACE_SEIZE, tid, 0, 0), `look at thread ${tid}`));
    loop.add(tid, this);
    libcPtraceNumber(PTRACE_INTERRUPT, tid, 0, 0);
  }

  /** The thread that is visited. */
  get tid(): Tid {
    return this.#tid;
  }

  add(act: Peek): void {
    this.#looks.push(act);
    this.#loop.spin(this.#tid, () => this.#looks.length === 0);
    if (!this.#isOver) this.#silence ??= setInterval(() => this.#loop.collect(), SILENCE_MS).unref();
  }

  handle(tid: Tid, status: WaitStatus): void {
    if (status.kind !== "stopped") {
      this.vanished(tid);
      return;
    }
    const told = this.#looks.splice(0).map(({ act }) => act(tid));
    // A stop without an event is a signal about to be delivered: it must not be lost.
    const signal = status.event === 0 ? status.signal : 0;
    this.#sharing.repeatCall(tid, signal);
    // Killed in this moment, the thread stays ours until its exit is collected: its parent would never learn of it.
    if (libcPtraceNumber(PTRACE_DETACH, tid, 0, signal) === 0) this.#end();
    for (const tell of told) tell();
  }

  vanished(tid: Tid): void {
    const acts = this.#looks.splice(0);
    if (tid !== (this.#target.pid as number) && this.#isOurs()) this.#follow(this.#target.pid as number as Tid);
    else this.#end();
    for (const { fail } of acts) fail(new Errno("ESRCH", `thread ${tid} has exited`));
  }

  /** Whether the first thread of the process is: a thread that has executed a new image is the first from then on. */
  #isOurs(): boolean {
    try {
      return statusField(this.#target.statusText(), "TracerPid") === String(process.pid);
    } catch (error) {
      if (!isErrno(error, "ESRCH", "ENOENT")) throw error;
      return false;
    }
  }

  /** The thread has another number now, and is let go when it stops. */
  #follow(tid: Tid): void {
    this.#loop.remove(this.#tid);
    this.#tid = tid;
    this.#loop.add(tid, this);
    libcPtraceNumber(PTRACE_INTERRUPT, tid, 0, 0);
  }

  #end(): void {
    this.#isOver = true;
    clearInterval(this.#silence);
    this.#loop.remove(this.#tid);
    this.#ended();
  }
}
