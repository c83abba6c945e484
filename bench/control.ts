import { spawnSync } from "node:child_process";
import type { Server } from "../test/support/server.ts";
import type { Target } from "../test/support/target.ts";
import type { BenchRow } from "./row.ts";
import { compare, floor, measure } from "./run.ts";

const STEPS = 3000;
const GDB_STEPS = 1000;

/** Nanoseconds for one stepi of gdb, the start and the end of gdb taken off. */
function gdbStep(pid: number): number {
  const run = (steps: number): number => {
    const begun = performance.now();
    spawnSync("gdb", ["-q", "-batch", "-p", String(pid), "-ex", "set pagination off", "-ex", `stepi ${steps}`], {
      stdio: "ignore",
    });
    return performance.now() - begun;
  };
  return ((run(GDB_STEPS) - run(1)) / GDB_STEPS) * 1e6;
}

/** step and wait by words, against a ptrace loop in C and against gdb. Takes the target stopped, leaves it so. */
export function stepBench(server: Server, target: Target): BenchRow[] {
  const byWords = (): number => {
    server.ctl(target.pid, "attach");
    try {
      return measure([floor("client"), "words", server.path(target.pid, "ctl"), String(STEPS)]);
    } finally {
      server.ctl(target.pid, "detach");
    }
  };
  const byPtrace = (): number => measure([floor("ptrace-floor"), String(target.pid), String(STEPS)]);
  const { a, b, ratio } = compare(byWords, byPtrace);
  const us = (ns: number): string => `${(ns / 1000).toFixed(1)} µs`;
  const rows: BenchRow[] = [
    {
      name: "step+wait by words, to a ptrace loop in C",
      value: ratio,
      unit: "x",
      target: "<= 3",
      met: ratio <= 3,
      detail: `${us(a)} : ${us(b)}`,
    },
  ];
  if (spawnSync("gdb", ["--version"], { stdio: "ignore" }).status === 0) {
    const gdb = gdbStep(target.pid);
    const times = gdb / a;
    rows.push({
      name: "gdb's stepi, to step+wait by words",
      value: times,
      unit: "x",
      target: ">= 5",
      met: times >= 5,
      detail: `${us(gdb)} : ${us(a)}`,
    });
  }
  return rows;
}
