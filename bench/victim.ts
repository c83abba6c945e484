/**
 * What one user's requests take while others ask for much: of root's daemon, whose mount everybody may use. The same is measured at the same
 * time of a C server and of a C supervisor that nobody else asks for anything: what they take longer is the machine's doing.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CLI } from "../test/support/paths.ts";
import { Target } from "../test/support/target.ts";
import { startFloor } from "./files.ts";
import type { BenchRow } from "./row.ts";
import { floor } from "./run.ts";

const A = 61001;
const B = 61002;
/** How long each is measured, milliseconds. */
const MEASURED_MS = 4000;
const BIG_MAPS = 15;
const MAPPINGS = 65_000;
const ENDING = 2000;
const BUSY = 50;

/** Microseconds. */
interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

interface Both {
  readonly status: Latency;
  readonly call: Latency;
}

interface Found extends Both {
  /** Of the C programs. */
  readonly floor: Both;
}

/** The longest that each may take, milliseconds. */
const LONGEST_MS: Readonly<Record<keyof Both, number>> = { status: 100, call: 20 };
const NAMES: Readonly<Record<keyof Both, string>> = { status: "status of another's process", call: "a trapped mmap" };

/** A daemon of root's with a mount for everybody, and what runs under it. */
class Place implements AsyncDisposable {
  readonly mount: string;
  readonly #dir: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #children: ChildProcess[] = [];

  constructor() {
    this.#dir = mkdtempSync(join(tmpdir(), "lyonnais-victim-"));
    chmodSync(this.#dir, 0o711);
    this.mount = join(this.#dir, "mount");
    mkdirSync(this.mount);
    this.#env = { ...process.env, LYONNAIS_RUNTIME_DIR: join(this.#dir, "run"), XDG_STATE_HOME: this.#dir };
    this.#lyonnais("mount", "-o", "allow_other", this.mount);
  }

  #lyonnais(...args: string[]): void {
    spawnSync(process.execPath, [CLI, ...args], { env: this.#env, stdio: "ignore" });
  }

  path(...parts: (string | number)[]): string {
    return join(this.mount, ...parts.map(String));
  }

  /** In a process group of its own, ended with {@link end}. */
  start(command: readonly string[], uid = 0): ChildProcess {
    const [program, ...args] = command;
    const options = { env: this.#env, uid, gid: uid, cwd: "/", detached: true } as const;
    const child = spawn(program!, args, { ...options, stdio: ["pipe", "pipe", "ignore"] });
    this.#children.push(child);
    return child;
  }

  /** Under accounting. */
  startLimited(command: readonly string[]): ChildProcess {
    return this.start([process.execPath, CLI, "run", "-j", "64g", "--", ...command]);
  }

  async end(child: ChildProcess): Promise<void> {
    this.#children.splice(this.#children.indexOf(child), 1);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    process.kill(-child.pid!, "SIGKILL");
    await ended;
  }

  async measure(target: Target): Promise<Found> {
    const latency = [floor("latency"), String(MEASURED_MS)];
    const map = [...latency, "mmap"];
    const server = await startFloor(false);
    try {
      const children = [
        this.start([...latency, "cat", this.path(target.pid, "status")], B),
        this.startLimited(map),
        this.start([...latency, "cat", join(server.dir, String(target.pid), "status")]),
        this.start([floor("supervisor"), ...map]),
      ];
      const [a, b, c, d] = await Promise.all(children.map(latencyOf));
      for (const child of children) await this.end(child);
      return { status: a!, call: b!, floor: { status: c!, call: d! } };
    } finally {
      await server.stop();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [...this.#children]) await this.end(child);
    this.#lyonnais("stop", "--force");
    spawnSync("umount", ["-l", this.mount], { stdio: "ignore" });
    rmSync(this.#dir, { recursive: true });
  }
}

async function latencyOf(child: ChildProcess): Promise<Latency> {
  const [said] = (await once(child.stdout!.setEncoding("latin1"), "data")) as [string];
  const [p50, p99, max] = said.trim().split(" ").map(Number);
  return { p50: p50!, p99: p99!, max: max! };
}

const loop = (command: string): string[] => ["sh", "-c", `while :; do ${command}; done`];

/** Measured beside `command`, by A. */
async function beside(place: Place, target: Target, command: readonly string[], uid = A): Promise<Found> {
  const load = place.start(command, uid);
  const both = await place.measure(target);
  await place.end(load);
  return both;
}

/** While `count` copies of a limited program begin, go on, and end together. */
async function besideLimited(place: Place, target: Target, command: readonly string[], endMs: number): Promise<Found> {
  const load = place.startLimited(command);
  await once(load.stdout!, "data");
  const measured = place.measure(target);
  const timer = setTimeout(() => void place.end(load), endMs);
  const both = await measured;
  clearTimeout(timer);
  await place.end(load);
  return both;
}

const inWords = ({ p50, p99, max }: Latency): string =>
  `p50 ${p50.toFixed(0)} µs, p99 ${p99.toFixed(0)} µs, longest ${(max / 1000).toFixed(1)} ms`;

function rowsOf(what: string, found: Found, alone: Found): BenchRow[] {
  return (["status", "call"] as const).flatMap((kind) => {
    const { p99, max } = found[kind];
    const ratio = p99 / alone[kind].p99;
    const machine = found.floor[kind].p99 / alone.floor[kind].p99;
    const detail = `${inWords(found[kind])}; in C ${machine.toFixed(2)} x: ${inWords(found.floor[kind])}`;
    const name = `${NAMES[kind]}, p99 to alone: ${what}`;
    if (found === alone) return [{ name, value: ratio, unit: "x", detail }];
    const longest = LONGEST_MS[kind];
    const met = ratio <= 3 && max / 1000 <= longest;
    return [{ name, value: ratio, unit: "x", target: `<= 3, ${longest} ms`, met, detail }];
  });
}

/** `status` and a trapped call of those who ask for little, while others ask for much. */
export async function victimBench(): Promise<BenchRow[]> {
  await using place = new Place();
  await using target = await Target.start("sleeper", { uid: A });
  await place.measure(target);
  const alone = await place.measure(target);
  const rows = rowsOf("alone", alone, alone);
  {
    await using big = await Target.start("many-mappings", { uid: A, args: [String(MAPPINGS), "changes"] });
    rows.push(
      ...rowsOf(
        `a loop over a map of ${MAPPINGS}`,
        await beside(place, target, loop(`cat ${place.path(big.pid, "map")} > /dev/null`)),
        alone,
      ),
    );
  }
  {
    const big: Target[] = [];
    try {
      for (let i = 0; i < BIG_MAPS; i++) {
        const each = await Target.start("many-mappings", { uid: A, args: [String(MAPPINGS)] });
        big.push(each);
        spawnSync("sh", ["-c", `echo account > ${place.path(each.pid, "ctl")}`]);
      }
      rows.push(
        ...rowsOf(
          `cat accounts of ${BIG_MAPS} such`,
          await beside(place, target, loop(`cat ${place.path("accounts")} > /dev/null`)),
          alone,
        ),
      );
    } finally {
      for (const each of big) await each[Symbol.asyncDispose]();
    }
  }
  const many = [floor("client"), "sleepers", String(ENDING)];
  rows.push(
    ...rowsOf(`${ENDING} accounted processes end`, await besideLimited(place, target, many, MEASURED_MS / 2), alone),
  );
  const busy = ["sh", "-c", `for i in $(seq ${BUSY}); do ${floor("map-loop")} 100000000 & done; echo begun; wait`];
  rows.push(
    ...rowsOf(`${BUSY} programs in mmap loops`, await besideLimited(place, target, busy, 2 * MEASURED_MS), alone),
  );
  return rows;
}
