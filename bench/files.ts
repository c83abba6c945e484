import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Server } from "../test/support/server.ts";
import type { Target } from "../test/support/target.ts";
import type { BenchRow } from "./row.ts";
import { compare, floor, measure } from "./run.ts";

const us = (ns: number): string => `${(ns / 1000).toFixed(1)} µs`;

/** Both sides of one operation on one file. */
function row(
  name: string,
  op: string,
  ours: string,
  theirs: string,
  n: number,
  pinned: boolean,
  target?: number,
): BenchRow {
  const run = (path: string) => () => measure([floor("client"), op, path, String(n)], pinned);
  const { a, b, ratio } = compare(run(ours), run(theirs));
  const wanted = target === undefined ? {} : { target: `<= ${target}`, met: ratio <= target };
  return { name, value: ratio, unit: "x", detail: `${us(a)} : ${us(b)}`, ...wanted };
}

/** The C server, on a directory of its own. */
export async function startFloor(pinned: boolean): Promise<{ dir: string; stop(): Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-floor-"));
  const pin = pinned ? ["taskset", "-c", "0"] : [];
  const [program, ...args] = [...pin, floor("fuse-floor"), dir];
  const child: ChildProcess = spawn(program!, args, { stdio: ["ignore", "pipe", "inherit"] });
  await Promise.race([once(child.stdout!, "data"), once(child, "exit")]);
  return {
    dir,
    async stop() {
      child.kill("SIGTERM");
      await once(child, "exit");
      rmdirSync(dir);
    },
  };
}

/** status, of root's process and of a `stranger`, and stat against the C server and Linux's own /proc; pinned means server and client on one processor. */
export async function statusBench(
  server: Server,
  { target, stranger }: { readonly target: Target; readonly stranger: Target },
  pinned: boolean,
): Promise<BenchRow[]> {
  const where = pinned ? "one CPU" : "two CPUs";
  if (pinned) spawnSync("taskset", ["-a", "-c", "-p", "0", String(server.child.pid)]);
  const c = await startFloor(pinned);
  try {
    const ours = server.path(target.pid, "status");
    const theirs = join(c.dir, String(target.pid), "status");
    return [
      row(
        `status: open+read+close, to the C server, ${where}`,
        "cat",
        ours,
        theirs,
        3000,
        pinned,
        pinned ? 1.6 : undefined,
      ),
      row(
        `status: open+read+close, to /proc/PID/status, ${where}`,
        "cat",
        ours,
        `/proc/${target.pid}/status`,
        3000,
        pinned,
      ),
      row(
        `status of another user's process, to the C server, ${where}`,
        "cat",
        server.path(stranger.pid, "status"),
        join(c.dir, String(stranger.pid), "status"),
        3000,
        pinned,
        pinned ? 2 : undefined,
      ),
      row(`stat of status, to the C server, ${where}`, "stat", ours, theirs, 5000, pinned),
    ];
  } finally {
    await c.stop();
    if (pinned) spawnSync("taskset", ["-a", "-c", "-p", "0-1", String(server.child.pid)]);
  }
}

/** The root with 2,000 more processes, against Linux's. */
export async function readdirBench(server: Server): Promise<BenchRow[]> {
  const crowd = spawn(floor("client"), ["sleepers", "2000"], { stdio: ["pipe", "pipe", "inherit"], detached: true });
  await once(crowd.stdout, "data");
  try {
    return [row("readdir of the root, 2,000 processes, to /proc", "list", server.dir, "/proc", 30, false, 2)];
  } finally {
    crowd.kill("SIGKILL");
    await once(crowd, "exit");
  }
}

/** Bandwidth of mem against pread of /proc/PID/mem; `address` begins a megabyte of memory. */
export function memoryBench(server: Server, target: Target, address: number): BenchRow[] {
  return [4096, 65536, 1 << 20].map((bytes) => {
    const run = (path: string) => () =>
      measure([floor("client"), "pread", path, String(address), String(bytes), bytes === 1 << 20 ? "300" : "3000"]);
    const { a, b, ratio } = compare(run(server.path(target.pid, "mem")), run(`/proc/${target.pid}/mem`));
    const rate = (ns: number): string => `${(bytes / ns).toFixed(2)} GB/s`;
    const wanted = bytes === 1 << 20 ? { target: ">= 0.6", met: 1 / ratio >= 0.6 } : {};
    const name = `mem: bandwidth at ${bytes / 1024} KiB, to pread of /proc/PID/mem`;
    return { name, value: 1 / ratio, unit: "x", detail: `${rate(a)} : ${rate(b)}`, ...wanted };
  });
}

/** Nanoseconds for the registers of a stopped process. */
export function registersBench(server: Server, target: Target): BenchRow[] {
  const ns = measure([floor("client"), "pread", server.path(target.pid, "regs"), "0", "216", "5000"]);
  return [{ name: "regs: pread of a stopped process", value: ns / 1000, unit: "us" }];
}
