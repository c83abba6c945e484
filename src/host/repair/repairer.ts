import { statusNumbers } from "../../core/abi/text/status.ts";
import { decodeWaitStatus, WALL, WNOHANG } from "../../core/abi/wait.ts";
import { ERRNO, Errno, isErrno } from "../../core/base/errno.ts";
import { trappedNumbers } from "../../core/notify/trapped-numbers.ts";
import { RepairTracees } from "../../core/trace/repair-tracees.ts";
import { CallRepair } from "../../core/trace/restart.ts";
import { libcWait4 } from "../linux/ffi/libc.ts";
import { hostArch } from "../linux/host-arch.ts";
import { promptText } from "../linux/proc-file.ts";
import type { Channel, RepairRequest } from "./channel.ts";
import { catchesSignals, interruptsCalls } from "./handler.ts";
import { RepairPtrace } from "./repair-ptrace.ts";
import type { SeizedTable } from "./seized-table.ts";
import { startOf } from "./start-of.ts";

const status = Buffer.alloc(4);

/** What a process says that needs no repair any more, or whose call fails anyway. */
const OVER: ReadonlySet<string> = new Set(["ESRCH", "ENOENT", "EFAULT"]);
/** Stands for any beginning: to look when a process began could mean to wait for it. */
const WHENEVER = -1;

/** When it began: tells a process from a later one with its number. */

const uidsOf = (tid: number): number[] => statusNumbers(promptText(tid, "status"), "Uid").slice(0, 3);

/** Whether a thread may trace another, as far as their uids tell. The kernel judges exactly, when it is too late for us. */
function mayTrace(tid: number, target: number): boolean {
  const [, effective] = uidsOf(tid);
  return effective === 0 || uidsOf(target).every((uid) => uid === effective);
}

/**
 * Seizes processes that catch signals, and has the kernel repeat their trapped calls. All of it on the main thread of a process of its
 * own, which may wait for its tracees: killed, it leaves them running.
 */
export class Repairer {
  readonly #table: SeizedTable;
  readonly #log: (line: string) => void;
  readonly #tracees: RepairTracees;
  /** Processes that are another tracer's, with when they began. */
  readonly #alone = new Map<number, number>();
  /** What has been said once is not said again. */
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

  /** Does what is asked on `channel` by now. EPIPE when nobody will ask any more. */
  serve(channel: Channel): void {
    for (let request = channel.nextRequest(); request; request = channel.nextRequest()) {
      const { id, tid } = request;
      // An answer that nobody takes is missed by nobody: who asked has given up.
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
      case "look":
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
        // It cannot stop before its call is answered: then it does, is let go, and makes the call again.
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

  /** Hands out what the tracees have to tell. Exit statuses are collected at once: their parents wait for that. */
  collect(): void {
    for (;;) {
      // This process has no other children.
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
