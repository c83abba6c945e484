import { AT_EMPTY_PATH, AT_FDCWD, AT_STATX_DONT_SYNC, O_CLOEXEC, O_RDONLY } from "../../core/abi/fcntl.ts";
import { STATX_GID, STATX_MASK_UID_GID, STATX_SIZE, STATX_UID } from "../../core/abi/statx.ts";
import { imageOf, isZombie, parseStat, type StatText, ttyMajor, ttyMinor } from "../../core/abi/text/stat.ts";
import { statusNumbers } from "../../core/abi/text/status.ts";
import { TICKS_PER_SECOND } from "../../core/abi/time.ts";
import type { Pid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { lifeOf } from "../../core/procfs/node-numbers.ts";
import type { Process, ProcessInfo, TimeVal } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import type { CallerIdentity } from "./caller-identity.ts";
import { check } from "./ffi/call.ts";
import { libcClose, libcOpenat, libcPidfdSendSignal, libcReadlinkat, libcStatx } from "./ffi/libc.ts";
import { preadText, readTextAt } from "./file.ts";
import { pageSize } from "./page-size.ts";
import { isSameFile } from "./same-file.ts";
import { threadsOf } from "./threads.ts";

const statx = Buffer.alloc(STATX_SIZE);
const linkText = Buffer.alloc(4096);

/** What a process needs of the table it belongs to. */
export interface ProcessHome {
  readonly identity: CallerIdentity;
  /** Seconds since 1970 at which the machine started. */
  readonly bootTime: number;
  statOf(pid: number): StatText | undefined;
  /** Told when a process has opened its descriptors, so that the oldest can be asked to let go of theirs. */
  opened(process: LiveProcess): void;
}

function ticksToTime(ticks: number, since = 0): TimeVal {
  const usec = (ticks % TICKS_PER_SECOND) * (1_000_000 / TICKS_PER_SECOND);
  return { sec: since + Math.floor(ticks / TICKS_PER_SECOND), usec };
}

/**
 * A process as /proc shows it. The descriptors on its directory bind to the kernel's own process object, so none of
 * them can reach a later process with the same pid; they are a cache, and reopened against the start time when dropped.
 */
export class LiveProcess implements Process {
  readonly pid: Pid;
  readonly life: number;
  readonly #home: ProcessHome;
  #dirfd = -1;
  #statFd = -1;
  #statusFd = -1;
  #gone = false;

  /** Whether there is such a process shows when it is asked something. `life`: see {@link Process}, here its start time. */
  constructor(pid: Pid, life: number, home: ProcessHome) {
    this.pid = pid;
    this.life = life;
    this.#home = home;
  }

  /** The descriptor of /proc/pid, owned by this object; it serves as a pidfd too. ESRCH. */
  dirfd(): number {
    if (this.#dirfd >= 0) return this.#dirfd;
    if (this.#gone) throw this.#goneError();
    try {
      this.#dirfd = check(libcOpenat(AT_FDCWD, `/proc/${this.pid}`, O_RDONLY | O_CLOEXEC, 0), `/proc/${this.pid}`);
      this.#statFd = check(libcOpenat(this.#dirfd, "stat", O_RDONLY | O_CLOEXEC, 0), "stat");
      if (lifeOf(this.stat().startTicks) !== this.life) throw this.#goneError();
    } catch (error) {
      this.close();
      if (!isErrno(error, "ENOENT", "ESRCH")) throw error;
      this.#gone = true;
      throw this.#goneError();
    }
    this.#home.opened(this);
    return this.#dirfd;
  }

  #goneError(): Errno {
    return new Errno("ESRCH", `process ${this.pid} has exited`);
  }

  alive(): boolean {
    if (this.#gone) return false;
    try {
      if (libcPidfdSendSignal(this.dirfd(), 0, null, 0) === 0) return true;
      // EPERM: there, but not ours to signal; whether it still lives shows in its stat file.
      this.stat();
      return true;
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
      this.#gone = true;
      this.close();
      return false;
    }
  }

  stat(): StatText {
    if (this.#statFd < 0) this.dirfd();
    return parseStat(preadText(this.#statFd, `process ${this.pid}`));
  }

  /** Tells the program it runs from what it executed before or after: see {@link imageOf}. */
  image(): string {
    if (this.#statFd < 0) this.dirfd();
    return imageOf(preadText(this.#statFd, `process ${this.pid}`));
  }

  /** Exited and not yet reaped, with no thread left that runs on without the first one. */
  hasExited(): boolean {
    return isZombie(this.stat()) && threadsOf(this.pid).length === 0;
  }

  /** /proc/pid/status. */
  statusText(): string {
    if (this.#statusFd < 0)
      this.#statusFd = check(libcOpenat(this.dirfd(), "status", O_RDONLY | O_CLOEXEC, 0), "status");
    return preadText(this.#statusFd, `process ${this.pid}`);
  }

  owner(): { uid: number; gid: number } {
    // fs/proc/base.c: the directory itself always shows the effective ids, dumpable or not.
    const flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
    check(libcStatx(this.dirfd(), "", flags, STATX_MASK_UID_GID, statx), `process ${this.pid}`);
    return { uid: statx.readUInt32LE(STATX_UID), gid: statx.readUInt32LE(STATX_GID) };
  }

  info(caller: Caller): ProcessInfo {
    const stat = this.stat();
    const status = this.statusText();
    const leads = stat.session === this.pid;
    const leader = leads ? stat : this.#home.statOf(stat.session);
    return {
      comm: stat.comm,
      pid: this.pid,
      ppid: stat.ppid,
      pgrp: stat.pgrp,
      session: leader ? stat.session : 0,
      tty: stat.tty === 0 ? undefined : { major: ttyMajor(stat.tty), minor: ttyMinor(stat.tty) },
      sessionHasTty: stat.tty !== 0 || (leader !== undefined && leader.tty !== 0),
      sessionLeader: leads,
      start: ticksToTime(stat.startTicks, this.#home.bootTime),
      user: ticksToTime(stat.userTicks),
      system: ticksToTime(stat.systemTicks),
      waitChannel: this.#waitChannel(caller),
      euid: statusNumbers(status, "Uid")[1]!,
      egid: statusNumbers(status, "Gid")[1]!,
      groups: statusNumbers(status, "Groups"),
    };
  }

  /** As the caller, to whom the kernel shows `0` when it may not know. A caller only waits for this very answer. */
  #waitChannel(caller: Caller): string {
    if ((caller.tid as number) === this.pid) return "";
    try {
      const text = this.#home.identity.as(caller, () => readTextAt(this.dirfd(), "wchan", "wait channel"));
      return text === "0" ? "" : text;
    } catch (error) {
      if (isErrno(error, "EPERM", "EACCES", "ENOENT")) return "";
      throw error;
    }
  }

  size(): number {
    const [, , , text, , data] = readTextAt(this.dirfd(), "statm", `process ${this.pid}`).split(" ");
    return (Number(text) + Number(data)) * pageSize;
  }

  executable(caller: Caller): string {
    const dirfd = this.dirfd();
    const count = this.#home.identity.as(caller, () =>
      check(libcReadlinkat(dirfd, "exe", linkText, linkText.length), `executable of process ${this.pid}`),
    );
    const path = linkText.toString("latin1", 0, count);
    return isSameFile(path, dirfd, "exe") ? path : `/proc/${this.pid}/exe`;
  }

  /** Lets go of the descriptors; the object stays good. */
  close(): void {
    for (const fd of [this.#statusFd, this.#statFd, this.#dirfd]) if (fd >= 0) libcClose(fd);
    this.#statusFd = this.#statFd = this.#dirfd = -1;
  }
}
