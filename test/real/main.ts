/**
 * Runs real programs with and without accounting and compares what they say: `npm run real [-- [--short] [--times N] [NAME…]]`.
 * As root they run as another user, whom limits bind. Prints a line a program, and fails when one differs or is not there.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CLI } from "../support/paths.ts";
import { REAL_PROGRAMS, type RealProgram } from "./programs.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { short: { type: "boolean", default: false }, times: { type: "string", default: "3" } },
});
const TIMES = Number(values.times);
/** More than any of them needs: what is tried is that nothing else changes. */
const LIMIT = "16g";
const LIMIT_MS = 180_000;
/** nobody: some programs want a name for the user that they run as. */
const UID = process.geteuid!() === 0 ? 65534 : process.geteuid!();

const place = mkdtempSync(join(tmpdir(), "lyonnais-real-"));
const own = directory("own");
const env = {
  PATH: process.env["PATH"],
  HOME: own,
  LC_ALL: "C",
  LYONNAIS_RUNTIME_DIR: join(own, "run"),
  XDG_STATE_HOME: own,
};

function directory(name: string): string {
  const path = join(place, name);
  mkdirSync(path);
  if (process.geteuid!() === 0) for (const each of [place, path]) chownSync(each, UID, UID);
  return path;
}

const options = (cwd: string) => ({
  cwd,
  env,
  encoding: "utf8" as const,
  timeout: LIMIT_MS,
  killSignal: "SIGKILL" as const,
  ...(process.geteuid!() === 0 ? { uid: UID, gid: UID } : {}),
});

interface Result {
  readonly status: string;
  readonly out: string;
  readonly err: string;
  readonly seconds: number;
}

let runs = 0;
function runOnce({ script }: RealProgram, prefix: readonly string[]): Result {
  const dir = directory(`${runs++}`);
  const begin = performance.now();
  const command = [...prefix, "/bin/bash", "--norc", "--noprofile", "-eu", "-o", "pipefail", "-c", script];
  const ran: SpawnSyncReturns<string> = spawnSync(command[0]!, command.slice(1), options(dir));
  rmSync(dir, { recursive: true, force: true });
  const seconds = (performance.now() - begin) / 1000;
  return { status: String(ran.status ?? ran.signal), out: ran.stdout, err: ran.stderr, seconds };
}

/** What differed, undefined when nothing did. A script that fails by itself shows nothing. */
function compare(plain: Result, accounted: Result): string | undefined {
  if (plain.status === "0" && accounted.status === "0" && plain.out === accounted.out) return undefined;
  const show = ({ status, out, err }: Result): string =>
    `exit ${status}\n${out}${err}`.trim().replaceAll(/^/gm, "      ");
  return `    without:\n${show(plain)}\n    with:\n${show(accounted)}`;
}

const isThere = (command: string): boolean =>
  spawnSync("sh", ["-c", `PATH=$PATH:/usr/sbin command -v ${command}`]).status === 0;

let failed = 0;
let passed = 0;
const accounting = [process.execPath, CLI, "run", "-w", LIMIT, "--"];
const wanted = REAL_PROGRAMS.filter(({ name, long }) =>
  positionals.length > 0 ? positionals.some((part) => name.includes(part)) : !(values.short && long),
);
spawnSync(process.execPath, [CLI, "daemon"], options(own));
try {
  for (const each of wanted) {
    if (!isThere(each.command)) {
      failed++;
      console.log(`not there  ${each.name}: apt-get install ${each.packages.join(" ")}`);
      continue;
    }
    const plain = runOnce(each, []);
    const accounted = Array.from({ length: TIMES }, () => runOnce(each, accounting));
    const differing = accounted.map((result) => compare(plain, result)).filter((text) => text !== undefined);
    const seconds = Math.min(...accounted.map((result) => result.seconds));
    const figures = `${plain.seconds.toFixed(2)} s without, ${seconds.toFixed(2)} s with`;
    if (differing.length === 0) passed++;
    else failed++;
    console.log(`${differing.length === 0 ? "same      " : "DIFFERENT "} ${each.name}: ${TIMES} times; ${figures}`);
    if (differing.length > 0) console.log(differing[0]);
  }
} finally {
  spawnSync(process.execPath, [CLI, "stop", "--force"], options(own));
  rmSync(place, { recursive: true, force: true });
}
console.log(`programs: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
