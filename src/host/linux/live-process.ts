import { AT_EMPTY_PATH, AT_STATX_DONT_SYNC } from "../../core/abi/fcntl.ts";
import { STATX_GID, STATX_MASK_UID_GID, STATX_SIZE, STATX_UID } from "../../core/abi/statx.ts";
import { imageOf, parseStat, type StatText } from "../../core/abi/text/stat.ts";
import { isKernelThread, isZombie, stateOf } from "../../core/abi/text/status.ts";
import type { Pid, Tid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { Process, ProcessInfo } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { chainOutcome, mapOutcome, type Outcome } from "../../core/vfs/parked.ts";
import { perform, type Steps, step } from "../../core/vfs/steps.ts";
import type { CallerIdentity } from "./caller-identity.ts";
import type { Elsewhere } from "./elsewhere/elsewhere.ts";
import { waitChannel } from "./elsewhere/jobs.ts";
import { check } from "./ffi/call.ts";
import { libcClose, libcPidfdSendSignal, libcStatx } from "./ffi/libc.ts";
import { preadText, readTextAt } from "./file.ts";
import { lifeOf } from "./life.ts";
import { pageSize } from "./page-size.ts";
import { openProcess, openPrompt, openWaiting } from "./proc-file.ts";
import { toProcessInfo } from "./process-info.ts";
import { threadsOf } from "./threads.ts";

const statx = Buffer.alloc(STATX_SIZE);
const ownUid = process.geteuid!();

/** What a process needs of the table it belongs to. */
export interface ProcessHome {
  readonly identity: CallerIdentity;
  readonly elsewhere: Elsewhere;
  /** Seconds since 1970 at which the machine started. */
  readonly bootTime: number;
  find(pid: Pid): LiveProcess | undefined;
  /** Told when a process has opened its descriptors, so that the oldest can be asked to let go of theirs. */
  opened(process: LiveProcess): void;
}

/**
 * A process as /proc shows it. The descriptors on its directory bind to the kernel's own process object, so none of
 * them can reach a later process with the same pid; they are a cache, and reopened against its {@link life} when dropped.
 * What can wait for the process (see waits.ts) is done here at once only where it belongs to the daemon's own user.
 */
export class LiveProcess implements Process {
  readonly pid: Pid;
  readonly life: number;
  readonly #home: ProcessHome;
  #dirfd = -1;
  #statFd = -1;
  #statusFd = -1;
  #isProgram = false;
  #gone = false;

  /** Whether there is such a process shows when it is asked something. `life`: see {@link Process}. */
  constructor(pid: Pid, life: number, home: ProcessHome) {
    this.pid = pid;
    this.life = life;
    this.#home = home;
  }

  /** The process that has this pid now. ENOENT, ESRCH. */
  static ofNow(pid: Pid, home: ProcessHome): LiveProcess {
    const dirfd = openProcess(pid);
    try {
      const process = new LiveProcess(pid, lifeOf(pid, dirfd), home);
      process.#dirfd = dirfd;
      home.opened(process);
      return process;
    } catch (error) {
      libcClose(dirfd);
      throw error;
    }
  }

  /** The descriptor of /proc/pid, owned by this object; it serves as a pidfd too. ESRCH. */
  dirfd(): number {
    if (this.#dirfd >= 0) return this.#dirfd;
    if (this.#gone) throw this.#goneError();
    try {
      this.#dirfd = openProcess(this.pid);
      if (lifeOf(this.pid, this.#dirfd) !== this.life) throw this.#goneError();
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
      // EPERM: there, but not ours to signal; whether it still lives shows in its status file.
      this.statusText();
      return true;
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
      this.#gone = true;
      this.close();
      return false;
    }
  }

  /** Whether the process belongs to the daemon's own user: only then may a call here block on it. ESRCH. */
  isOwn(): boolean {
    return this.owner().uid === ownUid;
  }

  /** The stat file of a process of the daemon's own user. */
  #ownStat(): string {
    const dirfd = this.dirfd();
    if (this.#statFd < 0) this.#statFd = openWaiting(dirfd, "stat");
    return preadText(this.#statFd, `process ${this.pid}`);
  }

  /** Tells the program it runs from what it executed before or after: see {@link imageOf}. */
  image(caller: Caller): Outcome<string> {
    if (this.isOwn()) return imageOf(this.#ownStat());
    return mapOutcome(this.#home.elsewhere.do(this, caller, "stat", { pid: this.pid }), imageOf);
  }

  /** Whether it is a zombie without threads that run on after the main thread has exited. */
  hasExited(): boolean {
    return this.isZombie() && threadsOf(this.pid).length === 0;
  }

  /** Whether its main thread has exited. */
  isZombie(): boolean {
    return isZombie(this.state());
  }

  /** The state of the main thread: one letter, proc_pid_status(5). */
  state(): string {
    return stateOf(this.statusText());
  }

  /** What has been a program once never becomes a kernel thread, so it is read once for those. */
  isKernelThread(): boolean {
    this.#isProgram ||= !isKernelThread(this.pid, this.statusText());
    return !this.#isProgram;
  }

  /** /proc/pid/status. */
  statusText(): string {
    const dirfd = this.dirfd();
    if (this.#statusFd < 0) this.#statusFd = openPrompt(dirfd, "status");
    return preadText(this.#statusFd, `process ${this.pid}`);
  }

  owner(): { uid: number; gid: number } {
    // fs/proc/base.c: the directory itself always shows the effective ids, dumpable or not.
    const flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
    check(libcStatx(this.dirfd(), "", flags, STATX_MASK_UID_GID, statx), `process ${this.pid}`);
    return { uid: statx.readUInt32LE(STATX_UID), gid: statx.readUInt32LE(STATX_GID) };
  }

  info(caller: Caller): Outcome<ProcessInfo> {
    // A caller only waits for this very answer.
    const asleep = (caller.tid as number) !== this.pid;
    const { identity, elsewhere, bootTime } = this.#home;
    const role = identity.canActFor(caller) ? identity.roleOf(caller) : undefined;
    const asked = { pid: this.pid, role: role ?? "own", channel: asleep && role !== undefined } as const;
    const known = this.isOwn()
      ? { stat: this.#ownStat(), channel: asked.channel ? waitChannel(asked) : "" }
      : elsewhere.do(this, caller, "status", asked);
    return chainOutcome(known, ({ stat: text, channel }) => {
      const stat = parseStat(text);
      return mapOutcome(this.#leaderTty(stat, caller), (leaderTty) =>
        toProcessInfo({ pid: this.pid, stat, status: this.statusText(), channel, leaderTty, bootTime }),
      );
    });
  }

  /**
   * The terminal of its session's leader, undefined where that is gone. It matters only for a process without a terminal; a
   * leader that does not answer counts as one without, too.
   */
  #leaderTty(stat: StatText, caller: Caller): Outcome<number | undefined> {
    if (stat.session === this.pid) return stat.tty;
    const leader = this.#home.find(stat.session as Pid);
    if (!leader || stat.tty !== 0) return leader && stat.tty;
    try {
      if (leader.isOwn()) return parseStat(leader.#ownStat()).tty;
    } catch (error) {
      if (isErrno(error, "ESRCH", "ENOENT")) return undefined;
      throw error;
    }
    return perform(this.#strangersTty(leader, caller));
  }

  *#strangersTty(leader: LiveProcess, caller: Caller): Steps<number | undefined> {
    try {
      const text = yield* step(this.#home.elsewhere.do(leader, caller, "stat", { pid: leader.pid }));
      return parseStat(text).tty;
    } catch (error) {
      if (isErrno(error, "ESRCH", "ENOENT")) return undefined;
      if (isErrno(error, "EAGAIN", "ETIMEDOUT")) return 0;
      throw error;
    }
  }

  threads(): readonly Tid[] {
    const threads = threadsOf(this.pid);
    if (threads.length === 0 && !this.alive()) throw this.#goneError();
    return threads;
  }

  size(): number {
    const [, , , text, , data] = readTextAt(this.dirfd(), "statm", `process ${this.pid}`).split(" ");
    return (Number(text) + Number(data)) * pageSize;
  }

  executable(caller: Caller): Outcome<string> {
    const { identity, elsewhere } = this.#home;
    return elsewhere.do(this, caller, "executable", { pid: this.pid, role: identity.roleOf(caller) });
  }

  /** Closes the descriptors. The object stays usable and opens them again when needed. */
  close(): void {
    for (const fd of [this.#statusFd, this.#statFd, this.#dirfd]) if (fd >= 0) libcClose(fd);
    this.#statusFd = this.#statFd = this.#dirfd = -1;
  }
}
