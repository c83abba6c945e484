import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../../core/abi/fcntl.ts";
import { parseStat, type StatText } from "../../core/abi/text/stat.ts";
import { statusField } from "../../core/abi/text/status.ts";
import type { Pid, Tid } from "../../core/base/brand.ts";
import { isErrno } from "../../core/base/errno.ts";
import { lifeOf } from "../../core/procfs/node-numbers.ts";
import type { ProcessTable } from "../../core/procfs/ports.ts";
import type { CallerIdentity } from "./caller-identity.ts";
import { check } from "./ffi/call.ts";
import { libcClose, libcOpenat } from "./ffi/libc.ts";
import { readTextAt } from "./file.ts";
import { LiveProcess, type ProcessHome } from "./live-process.ts";
import { listNumbers } from "./numbered-entries.ts";

/** How many processes keep their descriptors open at a time; three each. */
const OPEN_LIMIT = 200;

/** `undefined` where the process (or thread) is gone. */
function ifThere<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}

/** The host's processes, one object a process for as long as it lives. */
export class LiveProcessTable implements ProcessTable, ProcessHome {
  readonly identity: CallerIdentity;
  readonly bootTime: number;
  readonly #known = new Map<number, LiveProcess>();
  readonly #open = new Set<LiveProcess>();
  #sweepAt = 256;

  constructor(identity: CallerIdentity) {
    this.identity = identity;
    this.bootTime = Number(/^btime (\d+)$/m.exec(readTextAt(AT_FDCWD, "/proc/stat", "/proc/stat"))?.[1] ?? 0);
  }

  pids(): readonly Pid[] {
    const fd = check(libcOpenat(AT_FDCWD, "/proc", O_RDONLY | O_CLOEXEC, 0), "/proc");
    try {
      return listNumbers(fd, "/proc") as Pid[];
    } finally {
      libcClose(fd);
    }
  }

  find(pid: Pid): LiveProcess | undefined {
    const known = this.#known.get(pid);
    if (known?.alive()) return known;
    if (known) this.#forget(known);
    return ifThere(() => {
      // A thread's directory can be opened by number too, but only its process is one of the tree.
      if (Number(this.#field(pid, "Tgid")) !== pid) return undefined;
      return this.#meet(new LiveProcess(pid, lifeOf(this.#readStat(pid).startTicks), this));
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
    const pid = ifThere(() => Number(this.#field(tid, "Tgid")) as Pid);
    return pid === undefined ? undefined : this.find(pid);
  }

  limit(): number {
    return Number(readTextAt(AT_FDCWD, "/proc/sys/kernel/pid_max", "pid_max"));
  }

  statOf(pid: number): StatText | undefined {
    const known = this.#known.get(pid);
    if (known?.alive()) return ifThere(() => known.stat());
    return ifThere(() => this.#readStat(pid));
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

  #readStat(pid: number): StatText {
    return parseStat(readTextAt(AT_FDCWD, `/proc/${pid}/stat`, `process ${pid}`));
  }

  #field(tid: number, name: string): string {
    return statusField(readTextAt(AT_FDCWD, `/proc/${tid}/status`, `process ${tid}`), name);
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
