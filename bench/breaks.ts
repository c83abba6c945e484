import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostArch } from "../src/host/linux/host-arch.ts";
import { symbol } from "../test/support/programs.ts";
import type { Server } from "../test/support/server.ts";
import { Target } from "../test/support/target.ts";
import type { BenchRow } from "./row.ts";
import { compare, floor, measure } from "./run.ts";

const HITS = 1000;
const us = (ns: number): string => `${(ns / 1000).toFixed(1)} µs`;

/** Nanoseconds for each pass of a breakpoint whose condition does not hold, in gdb: its start and its end taken off. */
function gdbPasses(pid: number, place: string, argument: string): number {
  const run = (more: number): number => {
    const begun = performance.now();
    const words = [
      `break *${place}`,
      "continue",
      `set $last = $${argument} + ${more}`,
      `condition 1 $${argument} == $last`,
      "continue",
    ];
    const args = ["-q", "-nx", "-batch", "-p", String(pid), ...words.flatMap((word) => ["-ex", word])];
    spawnSync("gdb", args, { stdio: "ignore" });
    return performance.now() - begun;
  };
  return ((run(HITS + 1) - run(1)) / HITS) * 1e6;
}

/** A breakpoint told, and one whose condition does not hold. */
export async function breakBench(server: Server): Promise<BenchRow[]> {
  await using target = await Target.start("passes");
  const { pid } = target;
  const place = `0x${symbol(target.binary, "pass").toString(16)}`;
  const argument = hostArch().call.args[0]!;
  const controlled = (act: () => number): number => {
    server.ctl(pid, "attach; wait");
    try {
      return act();
    } finally {
      server.ctl(pid, "detach");
    }
  };
  const told = (): number =>
    controlled(() => {
      server.ctl(pid, `break ${place}`);
      return measure([floor("client"), "hits", server.path(pid), String(HITS)]);
    });
  const byPtrace = (): number => measure([floor("break-floor"), String(pid), place, String(HITS)]);
  const passed = (): number =>
    controlled(() => {
      server.ctl(pid, `break ${place}; run; wait; clear all`);
      const text = readFileSync(server.path(pid, "regs.txt"), "latin1");
      const last = Number(new RegExp(`^${argument} (0x[0-9a-f]+)`, "m").exec(text)![1]) + HITS + 1;
      const begun = performance.now();
      server.ctl(pid, `break ${place} if ${argument}==${last}; run; wait`);
      return ((performance.now() - begun) / (HITS + 1)) * 1e6;
    });
  const hit = compare(told, byPtrace);
  const condition = compare(passed, byPtrace);
  const rows: BenchRow[] = [
    {
      name: "a breakpoint hit, to its line read from stop, to a ptrace loop in C",
      value: hit.ratio,
      unit: "x",
      target: "<= 2",
      met: hit.ratio <= 2,
      detail: `${us(hit.a)} : ${us(hit.b)}`,
    },
    {
      name: "a breakpoint whose condition does not hold, to a ptrace loop in C",
      value: condition.ratio,
      unit: "x",
      detail: `${us(condition.a)} : ${us(condition.b)}`,
    },
  ];
  if (spawnSync("gdb", ["--version"], { stdio: "ignore" }).status !== 0) return rows;
  const gdb = compare(() => gdbPasses(pid, place, argument), passed);
  return [
    ...rows,
    {
      name: "the same in gdb, to ours",
      value: gdb.ratio,
      unit: "x",
      target: ">= 10",
      met: gdb.ratio >= 10,
      detail: `${us(gdb.a)} : ${us(gdb.b)}`,
    },
  ];
}
