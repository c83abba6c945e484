import { type SpawnSyncOptions, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../test/support/paths.ts";

const OUT = join(ROOT, "dist", "bench", "floor");
const compiled = new Map<string, string>();

/** A program of bench/floor, compiled with -O2. */
export function floor(name: string): string {
  const known = compiled.get(name);
  if (known) return known;
  mkdirSync(OUT, { recursive: true });
  const binary = join(OUT, name);
  const source = join(ROOT, "bench", "floor", `${name}.c`);
  const { status, stderr } = spawnSync("cc", ["-O2", "-o", binary, source], { encoding: "utf8" });
  if (status !== 0) throw new Error(`cc ${name}.c: ${stderr}`);
  compiled.set(name, binary);
  return binary;
}

/** Runs a command that prints one number; pinned to processor 0 if wanted. */
export function measure(command: readonly string[], pinned = false, options: SpawnSyncOptions = {}): number {
  const [program, ...args] = pinned ? ["taskset", "-c", "0", ...command] : command;
  const { status, stdout, stderr } = spawnSync(program!, args, { ...options, encoding: "utf8" });
  const value = Number(stdout.trim());
  if (status !== 0 || Number.isNaN(value)) throw new Error(`${command.join(" ")}: ${stderr || stdout}`);
  return value;
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

const ROUNDS = 7;

/** All of them in turn, so that a drift of the machine meets each: the figures of each. */
export function inTurn(rounds: number, ...acts: readonly (() => number)[]): number[][] {
  const figures: number[][] = acts.map(() => []);
  for (let round = 0; round < rounds; round++) for (const [i, act] of acts.entries()) figures[i]!.push(act());
  return figures;
}

/** The two in turn: their medians and the median of the ratios. */
export function compare(a: () => number, b: () => number): { a: number; b: number; ratio: number } {
  const [x, y] = inTurn(ROUNDS, a, b) as [number[], number[]];
  return { a: median(x), b: median(y), ratio: median(x.map((value, i) => value / y[i]!)) };
}
