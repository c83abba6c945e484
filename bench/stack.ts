import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "../test/support/programs.ts";
import type { Server } from "../test/support/server.ts";
import { Target } from "../test/support/target.ts";
import type { BenchRow } from "./row.ts";
import { floor, measure, median } from "./run.ts";

/** Of calls of itself that the program makes: 20 frames with those around them. */
const DEPTH = "13";
const ROUNDS = 9;
const WARM_READS = 2000;
const WARM_US = 150;
const COLD_MS = 5;

/** Milliseconds that `act` takes. */
function timed(act: () => void): number {
  const begun = performance.now();
  act();
  return performance.now() - begun;
}

/** `stack` of a stopped C program: one whose files are known, one whose program was never seen, and eu-stack of the same. */
export async function stackBench(server: Server): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const folder = mkdtempSync(join(tmpdir(), "lyonnais-bench-"));
  try {
    await using known = await Target.start("frames", { args: ["deep", DEPTH] });
    await server.stop(known.pid);
    const path = server.path(known.pid, "stack");
    measure([floor("client"), "cat", path, String(WARM_READS)]);
    const warm = measure([floor("client"), "cat", path, String(WARM_READS)]) / 1000;
    server.ctl(known.pid, "detach");
    const env = { ...process.env, DEBUGINFOD_URLS: "" };
    const oracle = median(
      Array.from({ length: ROUNDS }, () =>
        timed(() => void spawnSync("eu-stack", ["-p", String(known.pid)], { env, stdio: "ignore" })),
      ),
    );
    const cold: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const copy = join(folder, `frames${round}`);
      copyFileSync(program("frames"), copy);
      await using fresh = await Target.start("frames", { path: copy, args: ["deep", DEPTH] });
      await fresh.prints("ready\n");
      await server.stop(fresh.pid);
      cold.push(timed(() => void readFileSync(server.path(fresh.pid, "stack"))));
      server.ctl(fresh.pid, "detach");
    }
    const first = median(cold);
    const detail = `eu-stack, a process each time: ${oracle.toFixed(1)} ms`;
    const name = "stack of 20 calls of a C program";
    rows.push(
      { name: `${name}, warm`, value: warm, unit: "us", target: `<= ${WARM_US}`, met: warm <= WARM_US, detail },
      {
        name: `${name}, of a new file`,
        value: first,
        unit: "ms",
        target: `<= ${COLD_MS}`,
        met: first <= COLD_MS,
        detail,
      },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
  return rows;
}
