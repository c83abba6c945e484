import { readFileSync } from "node:fs";
import { constants } from "node:os";

/** What `bin/lyonnais` has renamed to keep it from this process. */
const RENAMED = "LYONNAIS_WAS_";

/** What a process had before Node changed it, as `bin/lyonnais` has written it down; absent, the usual. */
export interface Inherited {
  readonly fds: readonly number[];
  readonly softOpenFiles: number | undefined;
  /** Sets of signals: the lowest bit is signal 1. */
  readonly ignored: bigint;
  readonly blocked: bigint;
  /** NAME=value, of any bytes but zero. */
  readonly environment: readonly Buffer[];
}

const bit = (signal: number): bigint => 1n << BigInt(signal - 1);

export const hasSignal = (set: bigint, signal: number): boolean => (set & bit(signal)) !== 0n;

/** Hexadecimal digits, and what the shell's own doing makes of them. */
function signals(note = "0"): bigint {
  const [digits, ...words] = note.split(" ");
  const { SIGCHLD, SIGQUIT } = constants.signals;
  const set = BigInt(`0x${digits || "0"}`) | (words.includes("+CHLD") ? bit(SIGCHLD) : 0n);
  return words.includes("-QUIT") ? set & ~bit(SIGQUIT) : set;
}

/** Takes the notes out of the environment: no program that this one starts is to find them. */
export function takeInherited(): Inherited {
  const taken = new Set<string>();
  const take = (name: string): string | undefined => {
    const value = process.env[name];
    delete process.env[name];
    taken.add(name);
    return value;
  };
  const openFiles = take("LYONNAIS_NOFILE")?.trim().split(" ")[0];
  const environ = take("LYONNAIS_ENVIRON");
  const inherited = {
    fds: take("LYONNAIS_FDS")?.split(" ").filter(Boolean).map(Number) ?? [0, 1, 2],
    softOpenFiles: openFiles ? (openFiles === "unlimited" ? Number.POSITIVE_INFINITY : Number(openFiles)) : undefined,
    ignored: signals(take("LYONNAIS_SIGIGN")),
    blocked: signals(take("LYONNAIS_SIGBLK")),
  };
  for (const name of Object.keys(process.env)) if (name.startsWith(RENAMED)) delete process.env[name];
  const environment = environ === undefined ? ownEnvironment(taken) : strings(Buffer.from(environ, "base64"));
  return { ...inherited, environment };
}

/** This process's environment as it began, but for the notes. */
function ownEnvironment(notes: ReadonlySet<string>): Buffer[] {
  return strings(readFileSync("/proc/self/environ"))
    .filter((entry) => !notes.has(entry.toString("latin1").replace(/=.*$/s, "")))
    .map((entry) => (entry.indexOf(RENAMED) === 0 ? entry.subarray(RENAMED.length) : entry));
}

/** The value of a variable, as getenv(3) finds it. */
export function variable({ environment }: Inherited, name: string): Buffer | undefined {
  return environment.find((entry) => entry.indexOf(`${name}=`) === 0)?.subarray(name.length + 1);
}

/** The last `count` arguments of this process, byte by byte. */
export function lastArguments(count: number): Buffer[] {
  return strings(readFileSync("/proc/self/cmdline")).slice(-count);
}

/** Each ends with a zero byte. */
function strings(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let start = 0, end = bytes.indexOf(0); end >= 0; start = end + 1, end = bytes.indexOf(0, start)) {
    found.push(bytes.subarray(start, end));
  }
  return found;
}
