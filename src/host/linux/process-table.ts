import { uptime } from "node:os";
import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { statusField } from "../../core/abi/text/status.ts";
import type { Pid, Tid } from "../../core/base/brand.ts";
import type { ProcessTable } from "../../core/procfs/ports.ts";
import type { CallerIdentity } from "./caller-identity.ts";
import type { Elsewhere } from "./elsewhere/elsewhere.ts";
import { readTextAt } from "./file.ts";
import { LiveProcess, type ProcessHome } from "./live-process.ts";
import { ifThere, listProcesses, promptText } from "./proc-file.ts";

/** How many processes keep their descriptors open at a time; three each. */
const OPEN_LIMIT = 200;

/** linux/threads.h: what pid_max can be at most. */
const PID_MAX_LIMIT = 4 * 1024 * 1024;

/** In seconds since 1970. A /proc mounted with `subset=pid` does not tell it, and then it may be off by a second. */
function bootTime(): number {
  const text = ifThere(() => readTextAt(AT_FDCWD, "/proc/stat", "/proc/stat")) ?? "";
  return Number(/^btime (\d+)$/m.exec(text)?.[1] ?? Math.floor(Date.now() / 1000 - uptime()));
}

/** The host's processes, one object a process for as long as it lives. Nothing here waits for a process. */
export class LiveProcessTable implements ProcessTable, ProcessHome {
  readonly identity: CallerIdentity;
  readonly elsewhere: Elsewhere;
  readonly bootTime: number;
  readonly #known = new Map<number, LiveProcess>();
  readonly #open = new Set<LiveProcess>();
  #sweepAt = 256;

  constructor(identity: CallerIdentity, elsewhere: Elsewhere) {
    this.identity = identity;
    this.elsewhere = elsewhere;
    this.bootTime = bootTime();
  }

  pids(): readonly Pid[] {
    return listProcesses() as Pid[];
  }

  find(pid: Pid): LiveProcess | undefined {
    const known = this.#known.get(pid);
    if (known?.alive()) return known;
    if (known) this.#forget(known);
    return ifThere(() => {
      // A thread's directory can be opened by number too, but only its process is one of the tree.
      if (this.#processOf(pid) !== pid) return undefined;
      return this.#meet(LiveProcess.ofNow(pid, this));
    });
  }

  begun(pid: Pid, life: number): LiveProcess {
    const known = this.#known.get(pid);
    if (known?.life === life) return known;
    const process = new LiveProcess(pid, life, this);
    // A number of long ago: the pid is another's by now.
    if (known?.alive()) return process;
    if (known) this.#forget(known);
    return this.#meet(process);
  }

  #meet(process: LiveProcess): LiveProcess {
    if (this.#known.size >= this.#sweepAt) this.#sweep();
    this.#known.set(process.pid, process);
    return process;
  }

  ofThread(tid: Tid): LiveProcess | undefined {
    const known = this.#known.get(tid);
    if (known?.alive()) return known;
    const pid = ifThere(() => this.#processOf(tid));
    return pid === undefined ? undefined : this.find(pid);
  }

  limit(): number {
    return Number(ifThere(() => readTextAt(AT_FDCWD, "/proc/sys/kernel/pid_max", "pid_max")) ?? PID_MAX_LIMIT);
  }

  opened(process: LiveProcess): void {
    this.#open.add(process);
    if (this.#open.size <= OPEN_LIMIT) return;
    const [oldest] = this.#open;
    this.#open.delete(oldest!);
    oldest!.close();
  }

  /** Closes every descriptor. */
  close(): void {
    for (const process of this.#open) process.close();
    this.#open.clear();
    this.#known.clear();
  }

  #processOf(tid: number): Pid {
    return Number(statusField(promptText(tid, "status"), "Tgid")) as Pid;
  }

  #forget(process: LiveProcess): void {
    process.close();
    this.#open.delete(process);
    if (this.#known.get(process.pid) === process) this.#known.delete(process.pid);
  }

  #sweep(): void {
    for (const process of [...this.#known.values()]) if (!process.alive()) this.#forget(process);
    this.#sweepAt = Math.max(256, this.#known.size * 2);
  }
}
