import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { F_DUPFD_CLOEXEC } from "../../core/abi/fcntl.ts";
import { Errno, errnoName, isErrno } from "../../core/base/errno.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import { closeAllOnExec } from "../linux/close-on-exec.ts";
import { check } from "../linux/ffi/call.ts";
import { libcClose, libcFcntl } from "../linux/ffi/libc.ts";
import { watchReadable } from "../linux/watch.ts";
import { type ProcessWatch, watchProcess } from "../linux/watch-process.ts";
import { Channel, type RequestKind } from "./channel.ts";
import type { RepairSetting } from "./repair-setting.ts";
import { SeizedTable } from "./seized-table.ts";
import { startOf } from "./start-of.ts";

const CHILD = fileURLToPath(new URL("./repairer-child.js", import.meta.url));
/** How long the repairer may take for a request: a process that is to be released has to stop. */
const PATIENCE_MS = 1000;
/**
 * How often the progress of the repairer is checked: busy with one thread at two checks in a row, it waits for that thread and is killed.
 */
const CHECK_MS = 500;
/** How long it may take to start. Node needs 50 ms on a machine that is not busy. */
const START_MS = 10_000;
/** After more deaths than this within a minute no other repairer is started. */
const MOST_DEATHS = 10;
/** The descriptors that a successor needs of a repairer that outlives the daemon; pid and start time follow in each name. */
const KEPT = ["repair-channel", "repair-accounts", "repair-table"] as const;

/** Pid and start time. */
interface Identity {
  readonly pid: number;
  readonly start: number;
}

/** The daemon's ends of the two channels, and the table, in the order of {@link KEPT}. */
type Ends = readonly [channel: number, accounts: number, table: number];

interface Running {
  readonly identity: Identity;
  readonly ends: Ends;
  readonly process: ProcessWatch;
  readonly channel: Channel;
  readonly table: SeizedTable;
  readonly watch: { close(): void };
  /** Requests without an answer, by id. */
  readonly waiting: Map<number, Parked<void>>;
  /** Checks its progress. */
  readonly timer: NodeJS.Timeout;
}

/**
 * The daemon's side of the repairer, on the main thread: starts it when first needed, replaces it when it has died or waits for a tracee.
 */
export class RepairProcess {
  readonly #setting: RepairSetting;
  #running: Running | undefined;
  #ready: Promise<void> | undefined;
  /** Begins at a number of this process's own: answers to the daemon before this one may be under way. */
  #nextId: number = Math.floor(performance.timeOrigin) % 0x8000_0000;
  /** Whether the repairer is to outlive the daemon. */
  #keeping = false;
  /** When repairers have died within the last minute: milliseconds since 1970. */
  #deaths: number[] = [];
  /** The thread that the last repairer was busy with when it died; 0 for none. */
  #suspect = 0;
  #closed = false;

  constructor(setting: RepairSetting) {
    this.#setting = setting;
  }

  /** The pid of the repairer; undefined while none runs. */
  get pid(): number | undefined {
    return this.#running?.identity.pid;
  }

  /** Resolves when a repairer answers, or none can be started: then the reason was logged. Never rejects for that. */
  ready(): Promise<void> {
    this.#ready ??= this.#start();
    return this.#ready;
  }

  async #start(culprit = 0): Promise<void> {
    try {
      const running = this.#find() ?? (await this.#spawn());
      if (culprit > 0) this.#ask(running, "leave", culprit);
      await settled(this.#ask(running, "ping", 0, START_MS));
      if (this.#keeping) await this.#hold(running);
    } catch (error) {
      if (!isErrno(error)) throw error;
      this.#setting.log(`signals can make limited calls fail with EINTR: ${error.message}`);
    }
  }

  async #spawn(): Promise<Running> {
    const [channel, theirChannel] = Channel.pair();
    const [accounts, theirAccounts] = Channel.pair();
    const table = SeizedTable.create();
    closeAllOnExec();
    const child = spawn(process.execPath, [CHILD], {
      cwd: "/",
      detached: true,
      stdio: ["ignore", "ignore", "inherit", theirChannel, theirAccounts, table],
    });
    libcClose(theirChannel);
    libcClose(theirAccounts);
    const ends: Ends = [channel, accounts, table];
    if (child.pid === undefined) {
      for (const fd of ends) libcClose(fd);
      const [error] = (await once(child, "error")) as [Error];
      throw new Errno("EAGAIN", `lyonnais-repair cannot be started: ${error.message}`, error);
    }
    child.unref();
    // The child has not been waited for yet, so its pid cannot be reused.
    return this.#goOnWith({ pid: child.pid, start: startOf(child.pid) }, ends);
  }

  /** The repairer that the daemon before this one has left running, if the keeper has its descriptors. */
  #find(): Running | undefined {
    const kept = this.#setting.descriptors?.kept ?? new Map<string, number>();
    for (const name of kept.keys()) {
      const [what, pid, start] = name.split(" ");
      const identity = { pid: Number(pid), start: Number(start) };
      if (what !== KEPT[0] || this.#deaths.length > 0) continue;
      const fds = namesOf(identity).map((each) => kept.get(each));
      if (fds.every((fd) => fd !== undefined) && isThere(identity))
        return this.#goOnWith(identity, fds as unknown as Ends);
    }
    return undefined;
  }

  #goOnWith(identity: Identity, ends: Ends): Running {
    const [channel, accounts, table] = ends;
    const running: Running = {
      identity,
      ends,
      process: watchProcess(identity.pid, () => this.#died(running)),
      channel: new Channel(channel),
      table: new SeizedTable(table),
      watch: watchReadable(channel, () => this.#answered(running)),
      waiting: new Map(),
      timer: this.#checkProgress(() => running),
    };
    this.#running = running;
    const copy = (fd: number): number => check(libcFcntl(fd, F_DUPFD_CLOEXEC, 0), "channel of the repairer");
    this.#setting.connect({ channel: copy(accounts), table: copy(table) });
    return running;
  }

  /** Kills a repairer that waits for a tracee. Its progress is in the table, so it need not be woken by a request. */
  #checkProgress(which: () => Running): NodeJS.Timeout {
    let before = 0;
    return setInterval(() => {
      const { table, process } = which();
      const { busyWith, progress } = table;
      if (busyWith !== 0 && progress === before) {
        this.#suspect = busyWith;
        process.kill();
      }
      before = progress;
    }, CHECK_MS).unref();
  }

  /** Has the repairer outlive this daemon until {@link doNotKeep}: starts it, and has the keeper hold its descriptors. */
  async keep(): Promise<void> {
    this.#keeping = true;
    await this.ready();
    if (this.#running) await this.#hold(this.#running);
  }

  /** No process is under accounting: the repairer ends with this daemon. */
  doNotKeep(): void {
    this.#keeping = false;
    if (this.#running) this.#drop(this.#running);
  }

  async #hold({ identity, ends }: Running): Promise<void> {
    const { descriptors } = this.#setting;
    if (!descriptors) return;
    for (const [i, name] of namesOf(identity).entries()) {
      await descriptors.hold(name, ends[i]!).catch((error) => {
        if (!isErrno(error, "EEXIST")) throw error;
      });
    }
  }

  #drop({ identity }: Running): void {
    for (const name of namesOf(identity)) this.#setting.descriptors?.drop(name);
  }

  /** Whether a thread is seized now. */
  has(tid: number): boolean {
    return this.#running?.table.has(tid) ?? false;
  }

  /**
   * Settles when another tracer can attach to the process; it stays free until the gate asks `again`. EBUSY: it was not released in time.
   */
  release(pid: number): Outcome<void> {
    return this.#running ? this.#ask(this.#running, "release", pid) : undefined;
  }

  #ask(running: Running, kind: RequestKind, tid: number, patienceMs: number = PATIENCE_MS): Parked<void> {
    const id = this.#nextId++;
    const done = new Parked<void>(() => running.waiting.delete(id));
    running.waiting.set(id, done);
    const timer = setTimeout(() => {
      if (!running.waiting.has(id) || this.#running !== running) return;
      running.waiting.delete(id);
      done.fail(
        new Errno(
          "EBUSY",
          kind === "release" ? `process ${tid} does not stop to be let go; try again` : "the repairer does not answer",
        ),
      );
    }, patienceMs).unref();
    timer.unref();
    if (!running.channel.ask({ kind, id, tid, address: 0, word: 0 })) {
      running.waiting.delete(id);
      done.fail(new Errno("EBUSY", "the repairer takes no more requests; try again"));
    }
    return done;
  }

  #answered(running: Running): void {
    try {
      for (let answer = running.channel.nextAnswer(); answer; answer = running.channel.nextAnswer()) {
        const done = running.waiting.get(answer.id);
        running.waiting.delete(answer.id);
        if (answer.errno === 0) done?.settle();
        else done?.fail(new Errno(errnoName(answer.errno), "the process cannot be let go"));
      }
    } catch (error) {
      if (!isErrno(error, "EPIPE")) throw error;
      running.watch.close();
    }
  }

  #died(running: Running): void {
    const culprit = this.#culpritOf(running.table.busyWith);
    clearInterval(running.timer);
    running.watch.close();
    this.#drop(running);
    running.table.close();
    for (const fd of running.ends) libcClose(fd);
    // When a tracer dies its tracees are free: every release has succeeded.
    for (const done of running.waiting.values()) done.settle();
    running.waiting.clear();
    if (this.#running !== running) return;
    this.#running = undefined;
    if (this.#closed) return;
    const now = Date.now();
    this.#deaths = [...this.#deaths.filter((time) => now - time < 60_000), now];
    const busy = culprit > 0 ? ` while it dealt with thread ${culprit}, which is left alone from now on` : "";
    if (this.#deaths.length > MOST_DEATHS) {
      this.#setting.log(
        `the repairer has ended${busy}; it is not started again: signals can make limited calls fail with EINTR`,
      );
      return;
    }
    this.#setting.log(`the repairer has ended${busy}; starting another`);
    this.#ready = this.#start(culprit);
  }

  /**
   * The thread that has caused a death, 0 for none: the one that the repairer was stuck with, or was busy with at two deaths in a row. One
   * death proves nothing: somebody may have killed it, and it is always busy with some thread.
   */
  #culpritOf(busyWith: number): number {
    const isCulprit = busyWith !== 0 && busyWith === this.#suspect;
    this.#suspect = busyWith;
    return isCulprit ? busyWith : 0;
  }

  /** Kills the repairer: its tracees run on. */
  close(): void {
    this.#closed = true;
    if (!this.#running) return;
    this.#drop(this.#running);
    this.#running.process.kill();
    // An open watch would keep this process from exiting.
    this.#running.process.close();
    clearInterval(this.#running.timer);
    this.#running.watch.close();
  }
}

const namesOf = ({ pid, start }: Identity): string[] => KEPT.map((what) => `${what} ${pid} ${start}`);

function isThere({ pid, start }: Identity): boolean {
  try {
    return startOf(pid) === start;
  } catch (error) {
    if (!isErrno(error)) throw error;
    return false;
  }
}

function settled(outcome: Parked<void>): Promise<void> {
  return new Promise((resolve, reject) => outcome.listen({ settled: resolve, failed: reject }));
}
