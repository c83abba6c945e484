import { statusField } from "../../core/abi/text/status.ts";
import { Errno } from "../../core/base/errno.ts";
import { beyond, QUOTAS } from "../../core/procfs/quotas.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { type Steps, step } from "../../core/vfs/steps.ts";
import type { Elsewhere } from "../linux/elsewhere/elsewhere.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { ifThere, promptText } from "../linux/proc-file.ts";
import { allThreadsOf } from "../linux/threads.ts";
import { mostThreads } from "./most-threads.ts";
import { type Culprit, recordedCulprit } from "./seize-watch-facts.ts";

/** How long an attach waits for an exec of its target to end, milliseconds. */
const EXEC_PATIENCE_MS = 1000;

/**
 * What is found out before a process is attached to: ptrace waits for an exec of the target, uninterruptibly as far as a tracer
 * of one thread goes, and the exec may wait for a file system, or for a thread that another tracer holds.
 */
export class AttachChecks {
  readonly #elsewhere: Elsewhere;
  readonly #culprit: Culprit | undefined;

  /** `culprits` is the file that names the process for which the last server had to end. */
  constructor(elsewhere: Elsewhere, culprits: string | undefined) {
    this.#elsewhere = elsewhere;
    this.#culprit = culprits === undefined ? undefined : recordedCulprit(culprits);
  }

  /** EBUSY where any thread is traced by another process; EAGAIN while it is inside an exec that does not end, or with too many threads. */
  *run(target: LiveProcess, caller: Caller): Steps<void> {
    if (target.pid === this.#culprit?.pid && target.life === this.#culprit.life)
      throw new Errno("EAGAIN", `process ${target.pid} has held up a server before this one, which had to end for it`);
    const most = mostThreads(target, caller);
    if (Number.isFinite(most)) this.#refuseManyThreads(target, most);
    this.#refuseTracedThreads(target);
    if (target.isOwn()) return;
    try {
      const options = { patience: EXEC_PATIENCE_MS };
      yield* step(this.#elsewhere.do(target, caller, "tryLocks", { tid: target.pid }, options));
    } catch (error) {
      if (!(error instanceof Errno && error.code === "ETIMEDOUT")) throw error;
      throw new Errno("EAGAIN", `process ${target.pid} is inside an exec that does not end; try again later`);
    }
  }

  #refuseManyThreads(target: LiveProcess, most: number): void {
    if (Number(statusField(target.statusText(), "Threads")) > most) throw beyond(QUOTAS.attachedThreads);
  }

  #refuseTracedThreads({ pid }: LiveProcess): void {
    for (const tid of allThreadsOf(pid)) {
      const text = ifThere(() => promptText(pid, "status", tid));
      const tracer = text === undefined ? "0" : statusField(text, "TracerPid");
      if (tracer !== "0" && tracer !== String(process.pid))
        throw new Errno("EBUSY", `thread ${tid} of process ${pid} is traced by process ${tracer}`);
    }
  }
}
