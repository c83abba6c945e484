/** Scripted sessions of stock gdb, lldb and a client of our own with the command `gdb`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { NODE_FLAGS } from "../../src/app/node-flags.ts";
import { CLI } from "./paths.ts";

export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Surroundings {
  readonly env?: NodeJS.ProcessEnv;
  /** Told of the standard output so far, whenever there is more. */
  hears?(out: string): void;
}

const LIMIT_MS = 120_000;

/** Runs a program in a session of its own until it ends; one that does not end is ended, and so is all that it began. */
export async function runApart(
  command: string,
  args: readonly string[],
  { env = {}, hears = () => {} }: Surroundings = {},
): Promise<Said> {
  const child = spawn(command, [...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TERM: "dumb", ...env },
  });
  const said = { out: "", err: "" };
  child.stdout.setEncoding("latin1").on("data", (part: string) => {
    said.out += part;
    hears(said.out);
  });
  child.stderr.setEncoding("latin1").on("data", (part: string) => {
    said.err += part;
  });
  const limit = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), LIMIT_MS);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(limit);
  return { code, ...said };
}

/** gdb with these commands, one after the other, and no configuration of anybody's. */
export function gdb(commands: readonly string[], surroundings: Surroundings = {}): Promise<Said> {
  const quiet = ["set debuginfod enabled off", "set confirm off", "set pagination off", "set width 0"];
  const args = [...quiet, ...commands].flatMap((command) => ["-ex", command]);
  return runApart("gdb", ["-nx", "-q", "-batch", ...args], surroundings);
}

/** What gdb is told to be connected to the command `gdb` of ours; `place` is what stands before it. */
export function viaUs(pid: number | string, ...place: readonly string[]): string {
  return `target remote | ${[process.execPath, ...NODE_FLAGS, CLI, ...place, "gdb", pid].join(" ")}`;
}

/** What gdb says between `echo` marks: `mark(n)` before command n+1, `between(text, n)` is what that printed. */
export const mark = (n: number): string => `echo \\n[[${n}]]\\n`;

export function marked(commands: readonly string[]): string[] {
  return [...commands.flatMap((command, i) => [mark(i), command]), mark(commands.length)];
}

/** What each of {@link marked} commands has printed. */
export function answers(text: string): string[] {
  return text
    .split(/\n?\[\[\d+\]\]\n/)
    .slice(1, -1)
    .map((part) => part.trim());
}
