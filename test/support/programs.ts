import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./paths.ts";

const OUT = join(ROOT, "dist", "test", "programs");

/** The path of a program of test/programs, compiled when it is missing or older than its source; `flags` are the compiler's. */
export function program(name: string, ...flags: readonly string[]): string {
  return compiled("cc", name, flags);
}

/** The same, static and with musl in place of glibc; by musl-gcc(1). */
export function muslProgram(name: string): string {
  return compiled("musl-gcc", name, ["-static"]);
}

function compiled(compiler: string, name: string, flags: readonly string[]): string {
  const source = join(ROOT, "test", "programs", `${name}.c`);
  const binary = join(OUT, [name, ...(compiler === "cc" ? [] : [`-${compiler}`]), ...flags].join(""));
  if (existsSync(binary) && statSync(binary).mtimeMs > statSync(source).mtimeMs) return binary;
  mkdirSync(OUT, { recursive: true });
  const fresh = `${binary}.${process.pid}`;
  const args = ["-O1", "-g", "-no-pie", "-Wall", "-Wextra", "-pthread", ...flags, "-o", fresh, source];
  const { status, stderr } = spawnSync(compiler, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${compiler} ${name}.c: ${stderr}`);
  chmodSync(fresh, 0o755);
  renameSync(fresh, binary);
  return binary;
}

/** The address of a symbol of an unrelocated program. */
export function symbol(binary: string, name: string): number {
  const { stdout } = spawnSync("nm", [binary], { encoding: "utf8" });
  const line = stdout.split("\n").find((text) => text.split(" ")[2] === name);
  if (!line) throw new Error(`no symbol ${name} in ${binary}`);
  return Number.parseInt(line.split(" ")[0]!, 16);
}
