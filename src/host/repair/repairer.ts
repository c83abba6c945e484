import { statusNumbers } from "../../core/abi/text/status.ts";
import { decodeWaitStatus, WALL, WNOHANG } from "../../core/abi/wait.ts";
import { ERRNO, Errno, isErrno } from "../../core/base/errno.ts";
import { RepairTracees } from "../../core/trace/repair-tracees.ts";
import { CallRepair } from "../../core/trace/restart.ts";
import { trappedNumbers } from "../../core/trap/trapped-numbers.ts";
import { libcWait4 } from "../linux/ffi/libc.ts";
import { hostArch } from "../linux/host-arch.ts";
import { promptText } from "../linux/proc-file.ts";
import type { Channel, RepairRequest } from "./channel.ts";
import { catchesSignals, interruptsCalls } from "./handler.ts";
import { RepairPtrace } from "./repair-ptrace.ts";
import type { SeizedTable } from "./seized-table.ts";
import { startOf } from "./start-of.ts";

const status = Buffer.alloc(4);

/** Errors of a process that has exited, or whose call fails anyway: nothing has to be repaired. */
const OVER: ReadonlySet<string> = new Set(["ESRCH", "ENOENT", "EFAULT"]);
/** Stands for any start time: a read of the start time of a process that is to be left alone could block. */
const WHENEVER = -1;

/** Real, effective and saved uid of a thread. */
const uidsOf = (tid: number): number[] => statusNumbers(promptText(tid, "status"), "Uid").slice(0, 3);

/** Whether a thread may trace another, as far as their uids tell. The kernel's exact check comes only after the process was released. */
function mayTrace(tid: number, target: number): boolean {
  const [, effective] = uidsOf(tid);
  return effective === 0 || uidsOf(target).every((uid) => uid === effective);
}

/**
 * Seizes processes that catch signals, and has the kernel repeat trapped calls which a signal has interrupted. It runs on the main thread
 * of a process of its own, which may wait for its tracees: when it is killed, they run on.
 */
export class Repairer {
  readonly #table: SeizedTable;
  readonly #log: (line: string) => void;
  readonly #tracees: RepairTracees;
  /** Processes that are left alone, by pid, and their start times: released for another tracer, or dangerous to wait for. */
  readonly #alone = new Map<number, number>();
  /** Codes of errors that were logged, each only once. */
  readonly #told = new Set<string>();

  constructor(table: SeizedTable, log: (line: string) => void) {
    const arch = hostArch();
    this.#table = table;
    this.#log = log;
    const port = new RepairPtrace(arch, new CallRepair(arch, trappedNumbers));
    this.#tracees = new RepairTracees(port, {
      seized: (tid) => table.set(tid, true),
      freed: (tid) => table.set(tid, false),
    });
  }

  /** Serves the requests that have come on `channel`. EPIPE: its other end is closed. */
  serve(channel: Channel): void {
    for (let request = channel.nextRequest(); request; request = channel.nextRequest()) {
      const { id, tid } = request;
      // An answer that cannot be sent is dropped: the asker has a deadline.
      const answer = (errno: number, repeat = false): void => void channel.answer({ id, errno, repeat });
      this.#table.busyWith = tid;
      try {
        this.#do(request, answer);
      } catch (error) {
        if (!isErrno(error)) throw error;
        this.#failed(request, error);
        answer(ERRNO[error.code]);
      }
      this.#table.busyWith = 0;
    }
  }

  #do({ kind, tid, address, word }: RepairRequest, answer: (errno: number, repeat?: boolean) => void): void {
    switch (kind) {
      case "handler":
        if (!this.#tracees.has(tid) && (address === 0 || interruptsCalls(tid, address, word)))
          this.#seize(this.#tracees.processOf(tid));
        break;
      case "inspect":
        if (catchesSignals(tid)) this.#seize(tid);
        break;
      case "again":
        this.#alone.delete(tid);
        if (catchesSignals(tid)) this.#seize(tid);
        break;
      case "leave":
        this.#alone.set(this.#tracees.processOf(tid), WHENEVER);
        break;
      case "release":
      case "releaseFor": {
        if (kind === "releaseFor" && !mayTrace(address, tid)) break;
        const pid = this.#tracees.processOf(tid);
        this.#alone.set(pid, startOf(pid));
        this.#tracees.release(pid, () => answer(0));
        return;
      }
      case "releaseCaller":
        // The thread cannot stop before its call is answered. Then it stops, is detached, and makes the call again.
        if (this.#tracees.has(tid)) {
          this.#tracees.release(this.#tracees.processOf(tid), () => {});
          answer(0, true);
          return;
        }
        break;
      case "ping":
        break;
    }
    answer(0);
  }

  /** Seizes a process, unless it is to be left alone. A later process with the pid of one that is may be seized. */
  #seize(pid: number): void {
    const since = this.#alone.get(pid);
    if (since !== undefined && (since === WHENEVER || since === startOf(pid))) return;
    this.#alone.delete(pid);
    this.#tracees.seize(pid);
  }

  #failed({ kind, tid }: RepairRequest, error: Errno): void {
    const { code } = error;
    if (OVER.has(code) || this.#told.has(code)) return;
    this.#told.add(code);
    this.#log(`a signal can still make calls of thread ${tid} fail with EINTR (${kind}: ${error.message}); said once`);
  }

  /** Collects and handles all wait statuses of tracees. An exit has to be collected at once: the tracee's parent learns of it only then. */
  collect(): void {
    for (;;) {
      // This process has no children of its own, so every status is that of a tracee.
      const tid = libcWait4(-1, status, WNOHANG | WALL, null);
      if (tid <= 0) return;
      const { kind, ...what } = decodeWaitStatus(status.readInt32LE(0)) as {
        kind: string;
        signal: number;
        event: number;
      };
      try {
        if (kind === "stopped") this.#tracees.stopped(tid, what.signal, what.event);
        else if (kind !== "continued") this.#tracees.ended(tid);
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        this.#log(`thread ${tid}: ${error.message}`);
      }
    }
  }
}
