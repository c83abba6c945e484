import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Errno, errnoName, isErrno } from "../../core/base/errno.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import { closeAllOnExec } from "../linux/close-on-exec.ts";
import { libcClose } from "../linux/ffi/libc.ts";
import { watchReadable } from "../linux/watch.ts";
import { Channel, type RequestKind } from "./channel.ts";
import { SeizedTable } from "./seized-table.ts";

const CHILD = fileURLToPath(new URL("./repairer-child.js", import.meta.url));
/** One that does not answer for so long waits for a tracee, and is replaced. */
const PATIENCE_MS = 1000;
/** Node needs a twentieth of a second to start, on a machine that is not busy. */
const START_MS = 10_000;
/** More deaths than that within a minute, and there is no other. */
const MOST_DEATHS = 10;

/** Descriptors for who asks it about trapped calls, whose they are then. */
export interface RepairEnds {
  readonly channel: number;
  readonly table: number;
}

export interface RepairSetting {
  /** There is a repairer, or another one, which knows nothing: whoever is to be seized has to be named to it. */
  connect(ends: RepairEnds): void;
  /** Told in one line what stops it. */
  log(line: string): void;
}

interface Running {
  readonly child: ChildProcess;
  readonly channel: Channel;
  readonly table: SeizedTable;
  readonly watch: { close(): void };
  readonly waiting: Map<number, Parked<void>>;
}

/** The daemon's side of the repairer: starts it when first needed, replaces it when it has died or waits for a tracee. Main thread. */
export class RepairProcess {
  readonly #setting: RepairSetting;
  #running: Running | undefined;
  #ready: Promise<void> | undefined;
  #nextId = 1;
  #deaths: number[] = [];
  #closed = false;

  constructor(setting: RepairSetting) {
    this.#setting = setting;
  }

  /** Its process; undefined when there is none. */
  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  /** Resolves when there is one that answers, or cannot be: then the reason was logged. */
  ready(): Promise<void> {
    this.#ready ??= this.#start();
    return this.#ready;
  }

  async #start(culprit = 0): Promise<void> {
    try {
      const running = this.#spawn();
      this.#running = running;
      if (culprit > 0) this.#ask(running, "leave", culprit);
      await settled(this.#ask(running, "ping", 0, START_MS));
    } catch (error) {
      if (!isErrno(error)) throw error;
      this.#setting.log(`signals can make limited calls fail with EINTR: ${error.message}`);
    }
  }

  #spawn(): Running {
    const [channel, theirChannel] = Channel.pair();
    const [accounts, theirAccounts] = Channel.pair();
    const tableFd = SeizedTable.create();
    closeAllOnExec();
    const child = spawn(process.execPath, [CHILD], {
      cwd: "/",
      detached: true,
      stdio: ["ignore", "ignore", "inherit", theirChannel, theirAccounts, tableFd],
    });
    libcClose(theirChannel);
    libcClose(theirAccounts);
    child.unref();
    const running: Running = {
      child,
      channel: new Channel(channel),
      table: new SeizedTable(tableFd),
      watch: watchReadable(channel, () => this.#answered(running)),
      waiting: new Map(),
    };
    child.once("error", (error) => this.#died(running, error.message));
    child.once("exit", (code, signal) => this.#died(running, `ended by ${signal ?? `status ${code}`}`));
    this.#setting.connect({ channel: accounts, table: tableFd });
    return running;
  }

  /** Whether a thread is seized now. */
  has(tid: number): boolean {
    return this.#running?.table.has(tid) ?? false;
  }

  /** Done when the process is free for another tracer. It stays so until {@link again}. EBUSY when the repairer does not manage it. */
  release(pid: number): Outcome<void> {
    return this.#running ? this.#ask(this.#running, "release", pid) : undefined;
  }

  /** The process need not be free any more. */
  again(pid: number): void {
    if (this.#running) this.#ask(this.#running, "again", pid);
  }

  /** Somebody has waited too long for it: it is replaced unless it answers now. */
  suspect(): void {
    if (this.#running) this.#ask(this.#running, "ping", 0);
  }

  #ask(running: Running, kind: RequestKind, tid: number, patienceMs: number = PATIENCE_MS): Parked<void> {
    const id = this.#nextId++;
    const done = new Parked<void>(() => running.waiting.delete(id));
    running.waiting.set(id, done);
    const timer = setTimeout(() => {
      if (!running.waiting.has(id) || this.#running !== running) return;
      if (kind === "release") {
        running.waiting.delete(id);
        done.fail(new Errno("EBUSY", `process ${tid} does not stop to be let go; try again`));
      }
      // A process that does not stop is no sign of one that does not answer.
      if (kind !== "ping") this.suspect();
      else running.child.kill("SIGKILL");
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

  #died(running: Running, how: string): void {
    const culprit = running.table.busyWith;
    running.watch.close();
    running.channel.close();
    running.table.close();
    // Whoever was to be let go is free.
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
        `the repairer ${how}${busy}; it is not started again: signals can make limited calls fail with EINTR`,
      );
      return;
    }
    this.#setting.log(`the repairer ${how}${busy}; starting another`);
    this.#ready = this.#start(culprit);
  }

  /** Everything seized runs on. */
  close(): void {
    this.#closed = true;
    this.#running?.child.kill("SIGKILL");
  }
}

function settled(outcome: Parked<void>): Promise<void> {
  return new Promise((resolve, reject) => outcome.listen({ settled: resolve, failed: reject }));
}
