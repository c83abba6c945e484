import { spawnSync } from "node:child_process";
import type { Server } from "../test/support/server.ts";
import type { Target } from "../test/support/target.ts";
import type { BenchRow } from "./row.ts";
import { compare, floor, measure } from "./run.ts";

const STEPS = 3000;
const GDB_STEPS = 1000;

/** Nanoseconds for one of the many steps of a single `stepi N` inside gdb: the start and the end of gdb taken off. */
function gdbAlone(pid: number): number {
  const run = (steps: number): number => {
    const begun = performance.now();
    const args = ["-q", "-nx", "-batch", "-p", String(pid), "-ex", `stepi ${steps}`];
    spawnSync("gdb", args, { stdio: "ignore" });
    return performance.now() - begun;
  };
  return ((run(GDB_STEPS) - run(1)) / GDB_STEPS) * 1e6;
}

const us = (ns: number): string => `${(ns / 1000).toFixed(1)} µs`;

/** step and wait by words, against a ptrace loop in C and against gdb. Takes the target free and leaves it so. */
export function stepBench(server: Server, target: Target): BenchRow[] {
  const pid = String(target.pid);
  const byWords = (): number => {
    server.ctl(target.pid, "attach");
    try {
      return measure([floor("client"), "words", server.path(pid, "ctl"), String(STEPS)]);
    } finally {
      server.ctl(target.pid, "detach");
    }
  };
  const byPtrace = (): number => measure([floor("ptrace-floor"), pid, String(STEPS)]);
  const { a, b, ratio } = compare(byWords, byPtrace);
  const name = "step+wait by words, to a ptrace loop in C";
  const rows: BenchRow[] = [
    { name, value: ratio, unit: "x", target: "<= 3", met: ratio <= 3, detail: `${us(a)} : ${us(b)}` },
  ];
  if (spawnSync("gdb", ["--version"], { stdio: "ignore" }).status !== 0) return rows;
  const byGdb = (): number => measure([floor("gdb-steps"), pid, String(GDB_STEPS)]);
  const gdb = compare(byGdb, byWords);
  const alone = gdbAlone(target.pid);
  return [
    ...rows,
    {
      name: "gdb's stepi, one at a time for a script, to step+wait by words",
      value: gdb.ratio,
      unit: "x",
      target: ">= 5",
      met: gdb.ratio >= 5,
      detail: `${us(gdb.a)} : ${us(gdb.b)}`,
    },
    {
      name: "gdb's stepi 1000 in one command, to the ptrace loop in C",
      value: alone / b,
      unit: "x",
      detail: `${us(alone)} : ${us(b)}`,
    },
  ];
}
