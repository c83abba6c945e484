import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LYONNAIS, UID } from "../test/support/limited.ts";
import { CLI } from "../test/support/paths.ts";
import { floor, inTurn, measure, median } from "./run.ts";

/**
 * How a command runs: by itself; under the least supervisor there can be, in C, one that takes its time, and the least one of Node; under
 * `lyonnais run`.
 */
const WAYS = ["native", "floor", "slowFloor", "nodeFloor", "run"] as const;
/** What that takes before each answer, and as much behind it: µs. */
export const SLOW_FLOOR_US = 5;
const NODE_SUPERVISOR = fileURLToPath(new URL("./node-supervisor.js", import.meta.url));
export type Way = (typeof WAYS)[number];

/** Far from what any command here wants: nothing is refused, nothing has to be looked at to decide. */
const GENEROUS = "64g";

/** One figure a way. */
export type Figures = Readonly<Record<Way, number>>;

/** In turn, so that what disturbs the machine meets all. */
const ROUNDS = 7;

const best = (found: Record<Way, number[]>, choose: (...values: number[]) => number): Figures =>
  Object.fromEntries(WAYS.map((way) => [way, choose(...found[way])])) as Figures;

/** Commands of one ordinary user, and the daemon that accounts them: with a runtime directory, files and user of their own. */
export class Limited implements AsyncDisposable {
  /** For files of the commands. */
  readonly dir: string;
  readonly daemon: ChildProcess;
  readonly #options: {
    readonly env: NodeJS.ProcessEnv;
    readonly cwd: string;
    readonly uid?: number;
    readonly gid?: number;
  };

  private constructor(dir: string) {
    const isRoot = process.geteuid!() === 0;
    this.dir = join(dir, "own");
    mkdirSync(this.dir);
    if (isRoot) chownSync(this.dir, UID, UID);
    const places = { LYONNAIS_RUNTIME_DIR: join(this.dir, "run"), XDG_STATE_HOME: this.dir, HOME: this.dir };
    const env = { ...process.env, ...places, TMPDIR: this.dir, LC_ALL: "C" };
    this.#options = { env, cwd: this.dir, ...(isRoot ? { uid: UID, gid: UID } : {}) };
    this.daemon = spawn(process.execPath, [CLI, "daemon", "-f"], {
      ...this.#options,
      env: { ...env, LYONNAIS_READY: "foreground" },
      stdio: ["ignore", "ignore", openSync(join(dir, "log"), "w"), "pipe"],
    });
  }

  static async start(): Promise<Limited> {
    const dir = mkdtempSync(join(tmpdir(), "lyonnais-bench-"));
    chmodSync(dir, 0o755);
    const place = new Limited(dir);
    await Promise.race([once(place.daemon.stdio[3]!, "data"), once(place.daemon, "exit")]);
    if (place.daemon.exitCode !== null) throw new Error("the daemon of the bench did not start");
    return place;
  }

  #command(way: Way, command: readonly string[], options: readonly string[] = []): string[] {
    if (way === "native") return [...command];
    if (way === "floor") return [floor("supervisor"), ...command];
    if (way === "nodeFloor") return [floor("supervisor"), "-by", process.execPath, NODE_SUPERVISOR, ...command];
    if (way === "slowFloor") return [floor("supervisor"), "-p", String(SLOW_FLOOR_US), ...command];
    return [LYONNAIS, "run", ...options, "-w", GENEROUS, "--", ...command];
  }

  /** The least that a command prints, which is one number: what else goes on on the machine can only add to it. `options` are `run`'s. */
  least(command: readonly string[], options: readonly string[] = []): Figures {
    // The first round warms caches.
    return best(this.rounds(ROUNDS + 1, command, options), Math.min);
  }

  /** What a command prints each way in each round. */
  rounds(rounds: number, command: readonly string[], options: readonly string[] = []): Record<Way, number[]> {
    return this.#inTurn(rounds, (way) => measure(this.#command(way, command, options), false, this.#options));
  }

  /**
   * Nanoseconds of processor time that whoever supervises a command takes for it: the C supervisor, the daemon with all of its threads;
   * the medians.
   */
  supervisorTimes(command: readonly string[]): Readonly<Record<"floor" | "run", number>> {
    const counted = [floor("processor-time"), ...command];
    // It waits for its command: the outer figure has both.
    const ofFloor = (): number => {
      const [program, ...args] = [floor("processor-time"), "-e", floor("supervisor"), ...counted];
      const { stdout, stderr } = spawnSync(program!, args, { ...this.#options, encoding: "utf8" });
      return Number(stderr.trim()) - Number(stdout.trim());
    };
    const ofDaemon = (): number => {
      const before = this.#daemonTime();
      measure(this.#command("run", counted), false, this.#options);
      return this.#daemonTime() - before;
    };
    const [ofC, ours] = inTurn(ROUNDS, ofFloor, ofDaemon);
    return { floor: median(ofC!), run: median(ours!) };
  }

  /** Processor time of all threads of the daemon, ns. */
  #daemonTime(): number {
    const dir = `/proc/${this.daemon.pid}/task`;
    const of = (tid: string): number => Number(readFileSync(`${dir}/${tid}/schedstat`, "latin1").split(" ")[0]);
    return readdirSync(dir).reduce((sum, tid) => sum + of(tid), 0);
  }

  /** What a command prints, one number, as the user whose commands these are. */
  measure(command: readonly string[]): number {
    return measure(command, false, this.#options);
  }

  /** A command that has said a line and goes on, under a C supervisor that refuses mmaps of more than `most` bytes. */
  async startUnderFloor(most: number, command: readonly string[]): Promise<{ end(): Promise<void> }> {
    const child = spawn(floor("supervisor"), ["-most", String(most), ...command], {
      ...this.#options,
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    await once(child.stdout!, "data");
    return {
      async end() {
        // It leads a process group of its own, the command with it.
        process.kill(-child.pid!, "SIGKILL");
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      },
    };
  }

  /** A daemon is there for long: its own code is to be compiled before it is measured. */
  warmUp(times: number, command: readonly string[]): void {
    for (let i = 0; i < times; i++) measure(this.#command("run", command), false, this.#options);
  }

  /** What a command says under `run`. */
  said(command: readonly string[]): string {
    const [program, ...args] = this.#command("run", command);
    const { stdout, stderr } = spawnSync(program!, args, { ...this.#options, encoding: "utf8" });
    return (stdout + stderr).trim();
  }

  /** The most that is found in all that a command says. */
  most(rounds: number, command: readonly string[], figure: (said: string) => number): Figures {
    const runOne = (way: Way): number => {
      const [program, ...args] = this.#command(way, command);
      const { stdout, stderr } = spawnSync(program!, args, { ...this.#options, encoding: "utf8" });
      return figure(stdout + stderr);
    };
    return best(this.#inTurn(rounds, runOne), Math.max);
  }

  #inTurn(rounds: number, runOne: (way: Way) => number): Record<Way, number[]> {
    const found = inTurn(rounds, ...WAYS.map((way) => () => runOne(way)));
    return Object.fromEntries(WAYS.map((way, i) => [way, found[i]!])) as Record<Way, number[]>;
  }

  /** What a command prints under a limit; `size` as for `run -w`. */
  limited(size: string, command: readonly string[]): string {
    return execFileSync(LYONNAIS, ["run", "-w", size, "--", ...command], { ...this.#options, encoding: "utf8" });
  }

  /** A command under a limit that has said a line, and goes on; ended by SIGKILL. */
  async startLimited(size: string, command: readonly string[]): Promise<{ end(): Promise<void> }> {
    const child = spawn(LYONNAIS, ["run", "-w", size, "--", ...command], {
      ...this.#options,
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    return {
      async end() {
        child.kill("SIGKILL");
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      },
    };
  }

  /** A command under `run` that goes on; ended by SIGKILL. */
  async startUnderRun(command: readonly string[]): Promise<{ readonly pid: number; end(): Promise<void> }> {
    const [program, ...args] = this.#command("run", command);
    const child = spawn(program!, args, { ...this.#options, stdio: "ignore" });
    const isThere = (): boolean => readFileSync(`/proc/${child.pid}/comm`, "latin1") === `${command[0]}\n`;
    while (child.exitCode === null && !isThere()) await new Promise((resolve) => setTimeout(resolve, 10));
    return {
      pid: child.pid!,
      async end() {
        child.kill("SIGKILL");
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.daemon, "exit");
    spawnSync(process.execPath, [CLI, "stop", "--force"], { ...this.#options, stdio: "ignore" });
    const timer = setTimeout(() => this.daemon.kill("SIGKILL"), 5000);
    if (this.daemon.exitCode === null && this.daemon.signalCode === null) await gone;
    clearTimeout(timer);
    const outer = join(this.dir, "..");
    const said = readFileSync(join(outer, "log"), "utf8");
    rmSync(outer, { recursive: true });
    if (/internal error/.test(said)) throw new Error(`the daemon complained: ${said}`);
  }
}
