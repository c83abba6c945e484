import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { CLI } from "./paths.ts";
import { until } from "./target.ts";

export interface DaemonPlace {
  readonly dir: string;
  readonly socket: string;
  run(...args: string[]): { code: number | null; out: string; err: string };
  /** Ends the daemon that runs here with SIGKILL. */
  killDaemon(): Promise<void>;
}

/** A runtime directory of its own; its daemon, if one runs at the end, is stopped. */
export function daemonPlace(t: TestContext): DaemonPlace {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
  const runtime = join(dir, "run");
  const env = { ...process.env, LYONNAIS_RUNTIME_DIR: runtime, XDG_STATE_HOME: dir };
  const run: DaemonPlace["run"] = (...args) => {
    const ran = spawnSync(process.execPath, [CLI, ...args], { env, encoding: "utf8", timeout: 30_000 });
    return { code: ran.status, out: ran.stdout, err: ran.stderr };
  };
  t.after(() => {
    run("stop");
    rmSync(dir, { recursive: true });
  });
  const killDaemon = async (): Promise<void> => {
    const pid = daemonPid(runtime);
    process.kill(pid, "SIGKILL");
    await until(
      () => !existsSync(`/proc/${pid}`) || /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "latin1")),
      "the end of the daemon",
    );
  };
  return { dir, socket: join(runtime, "daemon"), run, killDaemon };
}

/** The one process, but for this, that has the runtime directory in its environment. */
function daemonPid(runtime: string): number {
  const script = `grep -lsz "LYONNAIS_RUNTIME_DIR=${runtime}" /proc/[0-9]*/environ`;
  const found = spawnSync("sh", ["-c", script], { encoding: "utf8" })
    .stdout.split("\n")
    .map((path) => /^\/proc\/(\d+)\//.exec(path)?.[1])
    .find((pid) => pid !== undefined && pid !== String(process.pid));
  if (found === undefined) throw new Error(`no daemon of ${runtime} runs`);
  return Number(found);
}
