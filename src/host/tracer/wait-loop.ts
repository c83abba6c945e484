/**
 * Collects the wait statuses of traced threads. Runs on the thread that owns ptrace, which is the main thread, and never
 * blocks: SIGCHLD says that there may be something. Each known thread is asked by its own id, never `-1`, so that Node's
 * child processes keep their exit statuses.
 */
import { decodeWaitStatus, WALL, type WaitStatus, WNOHANG } from "../../core/abi/wait.ts";
import type { Tid } from "../../core/base/brand.ts";
import { ERRNO, Errno } from "../../core/base/errno.ts";
import { lastErrno } from "../linux/ffi/call.ts";
import { errnoNow, libcSchedYield, libcWait4 } from "../linux/ffi/libc.ts";

/** Who is told of a traced thread. */
export interface Traced {
  handle(tid: Tid, status: WaitStatus): void;
  /** The thread is gone without a status of its own: an exec took its place. */
  vanished(tid: Tid): void;
  /** Now and then after SIGCHLD: there may be threads whose ids nobody was told. */
  sweep?(): void;
}

/**
 * How long to look for a stop before leaving it to SIGCHLD: a single step takes 20 µs, and being woken up on another
 * processor takes longer than that.
 */
const SPIN_US = 60;

/** How long statuses are handed out one after the other before the loop turns. */
const TURN_MS = 1;

/** How long after SIGCHLD to look for unknown threads: seldom enough not to be felt, soon enough not to be noticed. */
const SWEEP_MS = 20;

const status = Buffer.alloc(4);

/** wait4(2) for one thread, without waiting: its id when `into` has its status, 0 for none, -1 with an errno. */
type Wait = (tid: Tid, into: Buffer) => number;

const waitNow: Wait = (tid, into) => libcWait4(tid, into, WNOHANG | WALL, null);

export class WaitLoop {
  readonly #traced = new Map<Tid, Traced>();
  readonly #onBug: (error: unknown) => void;
  readonly #wait: Wait;
  /** Those that a pass has not come to: the next turn begins with them, so that who stops all the time keeps nobody waiting. */
  #unasked: Tid[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #due: Tid | undefined;
  /** How many statuses there were. */
  #handed = 0;
  readonly #onSigchld = (): void => {
    this.collect();
    this.#sweep ??= setTimeout(() => {
      this.#sweep = undefined;
      for (const traced of new Set(this.#traced.values())) traced.sweep?.();
    }, SWEEP_MS).unref();
  };

  /** `onBug` is told of what goes wrong where nobody asked: a status that the rules cannot act on. */
  constructor(onBug: (error: unknown) => void, wait: Wait = waitNow) {
    this.#onBug = onBug;
    this.#wait = wait;
  }

  start(): void {
    process.on("SIGCHLD", this.#onSigchld);
  }

  stop(): void {
    clearImmediate(this.#scheduled);
    clearTimeout(this.#sweep);
    process.off("SIGCHLD", this.#onSigchld);
  }

  /** A thread may have stopped, and SIGCHLD have come and gone, before it is known here: so look again soon. */
  add(tid: Tid, traced: Traced): void {
    this.#traced.set(tid, traced);
    this.#schedule();
  }

  remove(tid: Tid): void {
    this.#traced.delete(tid);
  }

  /** A stop of this thread is due: whoever collects looks for it for some tens of microseconds. */
  expect(tid: Tid): void {
    this.#due = tid;
  }

  /**
   * Hands out everything that is there now, also from threads that become known by it, and what is due. What goes on and on – a
   * thread that passes a breakpoint whose condition does not hold, threads that make system calls one after the other – lets the loop
   * turn in between.
   */
  collect(): void {
    const end = performance.now() + TURN_MS;
    for (let found = true; found; ) {
      // After the rest of a pass comes a whole one: SIGCHLD may have been about any of them.
      found = this.#unasked.length > 0;
      if (!found) this.#unasked = [...this.#traced.keys()];
      for (let tid = this.#unasked.shift(); tid !== undefined; tid = this.#unasked.shift()) {
        if (!this.#collectOne(tid)) continue;
        found = true;
        if (performance.now() > end) break;
      }
      const due = this.#due;
      if ((found || due !== undefined) && performance.now() > end) {
        this.#schedule();
        return;
      }
      if (due === undefined) continue;
      this.#due = undefined;
      const before = this.#handed;
      this.spin(due, () => this.#handed !== before);
      found ||= this.#handed !== before;
    }
  }

  #schedule(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.collect();
    });
  }

  /** Hands out what comes for `tid` until `done`, for some tens of microseconds at most. */
  spin(tid: Tid, done: () => boolean): void {
    const end = performance.now() + SPIN_US / 1000;
    while (!done() && performance.now() < end) if (!this.#collectOne(tid)) libcSchedYield();
  }

  #collectOne(tid: Tid): boolean {
    const traced = this.#traced.get(tid);
    if (!traced) return false;
    const result = this.#wait(tid, status);
    if (result === 0) return false;
    this.#handed++;
    if (result > 0) this.#hand(traced, tid);
    else if (errnoNow() === ERRNO.ECHILD) {
      this.remove(tid);
      traced.vanished(tid);
    } else throw lastErrno(`wait for thread ${tid}`);
    return true;
  }

  #hand(traced: Traced, tid: Tid): void {
    try {
      traced.handle(tid, decodeWaitStatus(status.readInt32LE(0)));
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      this.#onBug(error);
    }
  }
}
