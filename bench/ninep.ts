import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { NOFID } from "../src/core/abi/ninep.ts";
import { NinepClient } from "../src/core/wire/ninep/client.ts";
import { FrameSplitter } from "../src/core/wire/ninep/frames.ts";
import { dataSize, LARGEST_MSIZE } from "../src/core/wire/ninep/session.ts";
import { NineServer } from "../test/support/nine-server.ts";
import type { Server } from "../test/support/server.ts";
import type { Target } from "../test/support/target.ts";
import type { BenchRow } from "./row.ts";

const MEGABYTE = 1 << 20;

interface Connected {
  readonly client: NinepClient;
  readonly socket: Socket;
}

async function dial(path: string, aname: string): Promise<Connected> {
  const socket = connect(path);
  await once(socket, "connect");
  const client = new NinepClient((frame) => void socket.write(frame));
  const frames = new FrameSplitter(LARGEST_MSIZE, LARGEST_MSIZE);
  socket.on("data", (chunk: Uint8Array) => {
    for (const frame of frames.push(chunk)) client.receive(frame);
  });
  await client.version();
  await client.call("Tattach", { fid: 0, afid: NOFID, uname: "root", aname, nUname: 0 }).reply;
  return { client, socket };
}

/** Reads `count` bytes of a file from `offset`, as one open file. */
async function read({ client }: Connected, names: string[], offset: number, count: number): Promise<void> {
  await client.call("Twalk", { fid: 0, newfid: 1, names }).reply;
  await client.call("Tlopen", { fid: 1, flags: 0 }).reply;
  for (let done = 0; done < count; ) {
    const wanted = Math.min(count - done, dataSize(client.msize));
    const { data } = await client.call("Tread", { fid: 1, offset: offset + done, count: wanted }).reply;
    if (data.length === 0) break;
    done += data.length;
  }
  await client.call("Tclunk", { fid: 1 }).reply;
}

/** A megabyte of memory through the mount, as one open file. */
function readMounted(path: string, address: number): void {
  const fd = openSync(path, "r");
  readSync(fd, new Uint8Array(MEGABYTE), 0, MEGABYTE, address);
  closeSync(fd);
}

/** Nanoseconds a round: the best of five, after one that does not count. */
async function best(rounds: number, act: () => Promise<void> | void): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let time = 0; time < 6; time++) {
    const begun = process.hrtime.bigint();
    for (let i = 0; i < rounds; i++) await act();
    const took = Number(process.hrtime.bigint() - begun) / rounds;
    if (time > 0) least = Math.min(least, took);
  }
  return least;
}

/** diod on a ramdisk, with a status line and a megabyte; undefined without diod. */
async function startDiod(dir: string, socket: string, status: string): Promise<ChildProcess | undefined> {
  if (spawnSync("diod", ["--help"]).error) return undefined;
  writeFileSync(join(dir, "status"), status);
  writeFileSync(join(dir, "mem"), new Uint8Array(MEGABYTE));
  const child = spawn("diod", ["-f", "-n", "-N", "-e", dir, "-l", socket], { stdio: "ignore" });
  for (let i = 0; i < 500 && spawnSync("test", ["-S", socket]).status !== 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return child;
}

const us = (ns: number): string => `${(ns / 1000).toFixed(0)} µs`;
const ratio = (name: string, ours: number, theirs: number): BenchRow => ({
  name,
  value: ours / theirs,
  unit: "x",
  detail: `${us(ours)} : ${us(theirs)}`,
});

/** 9P over a unix socket, by one client in TypeScript: ours against diod's server, and against our own mount. */
export async function ninepBench(mount: Server, target: Target, address: number): Promise<BenchRow[]> {
  const dir = mkdtempSync("/dev/shm/lyonnais-bench-");
  const pid = String(target.pid);
  const statusFile = mount.path(pid, "status");
  await using server = await NineServer.start(`unix:${join(dir, "9p")}`);
  const ours = await dial(join(dir, "9p"), "");
  const diod = await startDiod(dir, join(dir, "diod"), readFileSync(statusFile, "latin1"));
  try {
    if (server.complaints !== "") throw new Error(server.complaints);
    const status = await best(500, () => read(ours, [pid, "status"], 0, 1));
    const mem = await best(30, () => read(ours, [pid, "mem"], address, MEGABYTE));
    const mounted = await best(500, () => void readFileSync(statusFile));
    const mountedMem = await best(30, () => readMounted(mount.path(pid, "mem"), address));
    const rows = [
      ratio("9P status, to our own mount", status, mounted),
      ratio("9P mem 1 MiB, to our own mount", mem, mountedMem),
    ];
    if (!diod) return rows;
    const theirs = await dial(join(dir, "diod"), dir);
    rows.unshift(
      ratio("9P status, to diod serving a file", status, await best(500, () => read(theirs, ["status"], 0, 1))),
      ratio("9P mem 1 MiB, to diod serving a file", mem, await best(30, () => read(theirs, ["mem"], 0, MEGABYTE))),
    );
    theirs.socket.destroy();
    return rows;
  } finally {
    ours.socket.destroy();
    if (diod) {
      diod.kill();
      await once(diod, "exit");
    }
    rmSync(dir, { recursive: true });
  }
}
