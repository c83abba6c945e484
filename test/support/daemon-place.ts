import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { readMountTable } from "../../src/host/linux/mount-table.ts";
import { CLI } from "./paths.ts";
import { until } from "./target.ts";

export interface DaemonPlace {
  readonly dir: string;
  readonly socket: string;
  run(...args: string[]): { code: number | null; out: string; err: string };
  /** The daemon that runs here, or is being started again. */
  daemonPid(): Promise<number>;
  /** Ends it with SIGKILL. */
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
    for (const mount of readMountTable()) {
      if (mount.dir.startsWith(`${dir}/`)) spawnSync("umount", ["-l", mount.dir], { stdio: "ignore" });
    }
    rmSync(dir, { recursive: true });
  });
  const daemonPid = async (): Promise<number> => {
    let pid: number | undefined;
    await until(() => {
      pid = noted(runtime);
      return pid !== undefined;
    }, "a daemon");
    return pid!;
  };
  const killDaemon = async (): Promise<void> => {
    const pid = await daemonPid();
    process.kill(pid, "SIGKILL");
    await until(() => !isAlive(pid), "the end of the daemon");
  };
  return { dir, socket: join(runtime, "daemon"), run, daemonPid, killDaemon };
}

/** The process that has noted itself as the daemon; undefined while there is none. */
function noted(runtime: string): number | undefined {
  const pid = Number(readFileSync(join(runtime, "daemon.lock"), "latin1").split(/\s/)[0]);
  return isAlive(pid) ? pid : undefined;
}

export function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}
