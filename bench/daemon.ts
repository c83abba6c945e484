import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CLI } from "../test/support/paths.ts";
import type { Server } from "../test/support/server.ts";
import type { BenchRow } from "./row.ts";
import { median } from "./run.ts";

/** Milliseconds until `lyonnais mount DIR` has come back with the mount answering. */
export function readyBench(): BenchRow[] {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-ready-"));
  const times = Array.from({ length: 7 }, () => {
    const begun = performance.now();
    spawnSync(process.execPath, [CLI, "mount", dir], { stdio: "ignore" });
    const took = performance.now() - begun;
    spawnSync(process.execPath, [CLI, "umount", dir], { stdio: "ignore" });
    return took;
  });
  rmdirSync(dir);
  const value = median(times);
  return [{ name: "mount until it answers", value, unit: "ms", target: "< 250", met: value < 250 }];
}

/** Milliseconds from the SIGKILL of the daemon until a read of an open file is answered by the next. */
export async function successionBench(): Promise<BenchRow[]> {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-succession-"));
  const mount = join(dir, "mount");
  mkdirSync(mount);
  const env = { ...process.env, LYONNAIS_RUNTIME_DIR: join(dir, "run"), XDG_STATE_HOME: dir };
  const run = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { stdio: "ignore", env });
  run("mount", mount);
  const status = openSync(join(mount, String(process.pid), "status"), "r");
  const times: number[] = [];
  // As many as the keeper replaces without a pause.
  for (let i = 0; i < 3; i++) {
    await pause(1000);
    const pid = Number(readFileSync(join(dir, "run", "daemon.lock"), "latin1").split(/\s/)[0]);
    const begun = performance.now();
    process.kill(pid, "SIGKILL");
    readSync(status, Buffer.alloc(1000), 0, 1000, 0);
    times.push(performance.now() - begun);
  }
  closeSync(status);
  run("stop");
  rmSync(dir, { recursive: true });
  const value = median(times);
  return [{ name: "a mount without service after SIGKILL", value, unit: "ms", target: "< 500", met: value < 500 }];
}

/** What the server holds in memory by now. */
export function residentBench(server: Server): BenchRow[] {
  const status = readFileSync(`/proc/${server.child.pid}/status`, "latin1");
  const value = Number(/VmRSS:\s*(\d+)/.exec(status)![1]) / 1024;
  return [{ name: "resident memory of the server", value, unit: "MB", target: "< 100", met: value < 100 }];
}
