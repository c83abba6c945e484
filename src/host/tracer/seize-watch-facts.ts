import { readFileSync, rmSync, writeFileSync } from "node:fs";

/** Words of the memory shared with the watching thread. `turn` is odd while a call is under way. */
export const WATCH = { turn: 0, pid: 1, words: 2 } as const;

/** A process that held up the server; `life` as in LiveProcess. */
export interface Culprit {
  readonly pid: number;
  readonly life: number;
}

/** Written by a server that may have to end for it. */
export function recordCulprit(path: string, { pid, life }: Culprit): void {
  writeFileSync(path, `${pid} ${life}\n`, { mode: 0o600 });
}

/** It has let the server go on. */
export function forgetCulprit(path: string): void {
  rmSync(path, { force: true });
}

/** The process that the last server ended for; undefined where none is recorded. */
export function recordedCulprit(path: string): Culprit | undefined {
  try {
    const match = /^(\d+) (\d+)\n$/.exec(readFileSync(path, "latin1"));
    return match ? { pid: Number(match[1]), life: Number(match[2]) } : undefined;
  } catch {
    return undefined;
  }
}
