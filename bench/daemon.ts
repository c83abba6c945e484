import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

/** What the server holds in memory by now. */
export function residentBench(server: Server): BenchRow[] {
  const status = readFileSync(`/proc/${server.child.pid}/status`, "latin1");
  const value = Number(/VmRSS:\s*(\d+)/.exec(status)![1]) / 1024;
  return [{ name: "resident memory of the server", value, unit: "MB", target: "< 100", met: value < 100 }];
}
