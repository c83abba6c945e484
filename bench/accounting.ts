import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Figures, Limited, SLOW_FLOOR_US } from "./limited.ts";
import { neighbourBenches } from "./neighbour.ts";
import type { BenchRow } from "./row.ts";
import { floor } from "./run.ts";
import { signalBench } from "./signals.ts";
import { ms, times, us } from "./units.ts";

const PAIRS = 20_000;
/** Rounds of 200 commands: after that the daemon's figures do not get better any more. */
const WARM_UP = 15;
const STRESSORS = ["brk", "malloc", "fork", "vfork", "shm-sysv"];

/** What one trapped call costs more than it does by itself, to the same under the C supervisor. */
function callBench(place: Limited): BenchRow[] {
  const { native, floor: c, nodeFloor, run } = place.least([floor("map-loop"), String(PAIRS)]);
  const value = (run - native) / (c - native);
  const ofNode = ((nodeFloor - native) / (c - native)).toFixed(2);
  return [
    {
      name: "run: time added to mmap+munmap of a page, to that of a C supervisor",
      value,
      unit: "x",
      target: "<= 2",
      met: value <= 2,
      detail: `${us(run - native)} : ${us(c - native)}, alone ${us(native)}; the least supervisor of Node ${ofNode}`,
    },
  ];
}

/** A command as a whole: percent more than by itself, the C supervisors' beside it. */
function commandRow(name: string, { native, floor: c, slowFloor, nodeFloor, run }: Figures, target?: number): BenchRow {
  const more = (time: number): number => (time / native - 1) * 100;
  const value = more(run);
  const [fast, slow, node] = [c, slowFloor, nodeFloor].map((time) => more(time).toFixed(1));
  const floors = `C supervisor ${fast} %, one that takes 2 x ${SLOW_FLOOR_US} µs a call ${slow} %, the least of Node ${node} %`;
  const detail = `${floors}, alone ${ms(native)}`;
  const wanted = target === undefined ? {} : { target: `<= ${target}`, met: value <= target };
  return { name: `run: ${name}`, value, unit: "%", detail, ...wanted };
}

/** A C file that keeps the compiler busy for a tenth of a second. */
function writeSource(path: string): void {
  const functions = Array.from({ length: 8 }, (_, i) => {
    return `double f${i}(double *a, int n) {
  double s = ${i};
  for (int i = 0; i < n; i++) { if (a[i] > s) s += a[i] * ${i + 1}; else s -= strtod("${i}", 0) / (a[i] + ${i + 2}); }
  for (int i = 1; i < n; i++) a[i] = a[i - 1] * s + (double)rand();
  return s;
}`;
  });
  writeFileSync(path, `#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n${functions.join("\n")}\n`);
}

/** A tree as package managers make them: directories of a few files, a few kilobytes each. */
function writeTree(root: string): void {
  for (let i = 0; i < 80; i++) {
    const dir = join(root, `package-${i}`, "lib");
    mkdirSync(dir, { recursive: true });
    for (let j = 0; j < 15; j++) writeFileSync(join(dir, `file-${j}.js`), "x".repeat(500 * j));
  }
}

function commandBenches(place: Limited): BenchRow[] {
  const source = join(place.dir, "source.c");
  const tree = join(place.dir, "tree");
  writeSource(source);
  writeTree(tree);
  const timed = (...command: string[]): Figures => place.least([floor("timed"), ...command]);
  const sh = (script: string): Figures => timed("sh", "-c", script);
  const inNode = `const fs = require("node:fs"); fs.cpSync("${tree}", "copy", { recursive: true }); fs.rmSync("copy", { recursive: true })`;
  const rows = [
    commandRow("200 fork+exec of /bin/true by sh", sh(times(200, "/bin/true")), 25),
    commandRow("10 gcc -O2 of a middling file", sh(times(10, `gcc -O2 -c ${source} -o out.o`)), 3),
    commandRow("cp -r and rm -r of 1,200 small files", sh(`cp -r ${tree} copy && rm -r copy`)),
    commandRow("the same by node", timed(process.execPath, "-e", inNode)),
  ];
  if (spawnSync("python3", ["-V"]).status === 0) {
    rows.push(commandRow("10 python3 -c pass", sh(times(10, "python3 -c pass"))));
  }
  return rows;
}

/** What stress-ng gets done in a second, to what it does by itself: more is better. */
function stressBenches(place: Limited): BenchRow[] {
  if (spawnSync("stress-ng", ["--version"], { stdio: "ignore" }).status !== 0) {
    process.stderr.write("stress-ng is not installed: its rows are left out\n");
    return [];
  }
  return STRESSORS.map((name) => {
    const line = new RegExp(`\\] ${name}\\s+\\d+\\s+[\\d.]+\\s+[\\d.]+\\s+[\\d.]+\\s+([\\d.]+)`);
    const command = ["stress-ng", `--${name}`, "1", "-t", "1", "--metrics-brief"];
    const { native, floor: c, run } = place.most(2, command, (said) => Number(line.exec(said)?.[1]));
    const detail = `${run.toFixed(0)} : ${native.toFixed(0)} a second; under the C supervisor ${(c / native).toFixed(2)}`;
    return {
      name: `run: stress-ng --${name}, bogo operations, to those by itself`,
      value: run / native,
      unit: "x",
      detail,
    };
  });
}

/** utime and stime, proc_pid_stat(5): ticks. */
function ticks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** What the daemon does while a limited program does nothing. */
async function restBench(place: Limited): Promise<BenchRow[]> {
  const sleeper = await place.startUnderRun(["sleep", "60"]);
  try {
    // What the commands before it left behind is collected in a moment of rest.
    await delay(1000);
    const before = ticks(place.daemon.pid!);
    await delay(2000);
    const value = ticks(place.daemon.pid!) - before;
    return [
      { name: "run: processor time of the daemon at rest, 2 s", value, unit: "ticks", target: "0", met: value === 0 },
    ];
  } finally {
    await sleeper.end();
  }
}

/** How long the processors are busy with accounting: it hardly depends on what else goes on on the machine. */
function processorBench(place: Limited): BenchRow {
  const { floor: c, run } = place.supervisorTimes(["sh", "-c", times(200, "/bin/true")]);
  return {
    name: "run: processor time of the daemon for 200 fork+exec of /bin/true by sh, to that of a C supervisor",
    ...{ value: run / c, unit: "x", detail: `${ms(run)} : ${ms(c)}` },
  };
}

/** What it costs a command to be under `lyonnais run`: without its start, which is Node's. */
export async function accountingBench(): Promise<BenchRow[]> {
  await using place = await Limited.start();
  place.warmUp(WARM_UP, [floor("timed"), "sh", "-c", times(200, "/bin/true")]);
  return [
    ...callBench(place),
    ...commandBenches(place),
    ...signalBench(place),
    processorBench(place),
    ...(await neighbourBenches(place)),
    ...(await restBench(place)),
    ...stressBenches(place),
  ];
}
