import { spawnSync } from "node:child_process";
import { viaUs } from "../test/support/gdb.ts";
import { Target } from "../test/support/target.ts";
import type { BenchRow } from "./row.ts";
import { compare } from "./run.ts";

const STEPS = 1000;
const NS = 1e6;

/** Nanoseconds that gdb takes for these commands, from its start to its end. */
function gdbTakes(...commands: readonly string[]): number {
  const begun = performance.now();
  const args = ["set debuginfod enabled off", ...commands].flatMap((command) => ["-ex", command]);
  const { status, stderr } = spawnSync("gdb", ["-q", "-nx", "-batch", ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`gdb: ${stderr}`);
  return (performance.now() - begun) * NS;
}

const ms = (ns: number): string => `${(ns / NS).toFixed(1)} ms`;
const us = (ns: number): string => `${(ns / 1000).toFixed(0)} µs`;

/** gdb on the files of a process, against gdb on gdbserver. */
export async function gdbBench(): Promise<BenchRow[]> {
  if (spawnSync("gdbserver", ["--version"], { stdio: "ignore" }).status !== 0) return [];
  await using target = await Target.start("counter");
  const ours = viaUs(target.pid);
  const theirs = `target remote | gdbserver --once --attach stdio ${target.pid}`;
  const attach = compare(
    () => gdbTakes(ours, "detach"),
    () => gdbTakes(theirs, "detach"),
  );
  const step = (connect: string) => (): number =>
    (gdbTakes(connect, `stepi ${STEPS}`, "detach") - gdbTakes(connect, "stepi", "detach")) / STEPS;
  const stepping = compare(step(ours), step(theirs));
  return [
    {
      name: "gdb from its start to attached and back, to gdbserver",
      value: attach.ratio,
      unit: "x",
      target: "<= 1",
      met: attach.ratio <= 1,
      detail: `${ms(attach.a)} : ${ms(attach.b)}`,
    },
    {
      name: "a step of gdb's stepi 1000, to gdbserver",
      value: stepping.ratio,
      unit: "x",
      target: "<= 1.2",
      met: stepping.ratio <= 1.2,
      detail: `${us(stepping.a)} : ${us(stepping.b)}`,
    },
  ];
}
