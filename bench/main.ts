/** `npm run bench [-- [--json] [GROUP...]]`: every figure beside its floor, in one run. Needs root, /dev/fuse and a C compiler. */
import { readFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { Server } from "../test/support/server.ts";
import { Target } from "../test/support/target.ts";
import { accountingBench } from "./accounting.ts";
import { breakBench } from "./breaks.ts";
import { stepBench } from "./control.ts";
import { readyBench, residentBench, successionBench } from "./daemon.ts";
import { memoryBench, readdirBench, registersBench, statusBench } from "./files.ts";
import { gdbBench } from "./gdb.ts";
import { ninepBench } from "./ninep.ts";
import type { BenchRow } from "./row.ts";
import { stackBench } from "./stack.ts";
import { victimBench } from "./victim.ts";
import { vmBench, vmMemoryBench } from "./vm.ts";

/** The start of a writable megabyte of the target. */
function megabyte(target: Target): number {
  for (const line of readFileSync(`/proc/${target.pid}/maps`, "latin1").split("\n")) {
    const [start, end] = line
      .split(" ")[0]!
      .split("-")
      .map((text) => Number.parseInt(text, 16));
    if (end! - start! >= 1 << 20 && line.includes(" rw-p ")) return start!;
  }
  throw new Error("the target has no megabyte to read");
}

async function fileSystemBench(): Promise<BenchRow[]> {
  await using server = await Server.start();
  await using sleeper = await Target.start("sleeper");
  await using stranger = await Target.start("sleeper", { uid: 61001 });
  await using counter = await Target.start("counter");
  await using threads = await Target.start("threads", { args: ["1"] });
  // Sleeping: what it does must not disturb what is measured.
  await server.stop(threads.pid);
  const rows = [
    ...(await statusBench(server, { target: sleeper, stranger }, true)),
    ...(await statusBench(server, { target: sleeper, stranger }, false)),
    ...(await readdirBench(server)),
    ...memoryBench(server, threads, megabyte(threads)),
    ...registersBench(server, threads),
    ...stepBench(server, counter),
    ...(await breakBench(server)),
    ...(await stackBench(server)),
    ...residentBench(server),
    ...(await ninepBench(server, threads, megabyte(threads))),
  ];
  server.ctl(threads.pid, "detach");
  return rows;
}

function print(rows: readonly BenchRow[]): void {
  const width = Math.max(...rows.map(({ name }) => name.length));
  for (const { name, value, unit, target, met, detail } of rows) {
    const verdict = target === undefined ? "" : `${met ? "met" : "MISSED"} (${target})`;
    const figure = `${value.toFixed(2)} ${unit}`.padStart(10);
    process.stdout.write(`${name.padEnd(width)}  ${figure}  ${verdict.padEnd(18)}  ${detail ?? ""}\n`);
  }
}

/** The groups of rows, by the names that the command line takes; without any all are measured. */
const GROUPS: Readonly<Record<string, () => readonly BenchRow[] | Promise<readonly BenchRow[]>>> = {
  ready: readyBench,
  succession: successionBench,
  files: fileSystemBench,
  gdb: gdbBench,
  accounting: accountingBench,
  victim: victimBench,
  vm: () => [...vmMemoryBench(), ...vmBench()],
};

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "boolean" } } });
const unknown = positionals.find((name) => !(name in GROUPS));
if (unknown !== undefined)
  throw new Error(`no rows are called ${unknown}: there are ${Object.keys(GROUPS).join(", ")}`);
const rows: BenchRow[] = [];
for (const [name, group] of Object.entries(GROUPS)) {
  if (positionals.length === 0 || positionals.includes(name)) rows.push(...(await group()));
}
if (values.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
else {
  process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}\n\n`);
  print(rows);
}
