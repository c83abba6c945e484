import { readdirSync, readFileSync } from "node:fs";
import { until } from "./target.ts";

export interface Member {
  readonly pid: number;
  readonly parent: number;
  readonly kind: "daemon" | "keeper" | "guard";
}

/** The daemons and keepers with `word` on their command line or in their environment, zombies left out. */
export function family(word: string): Member[] {
  const members: Member[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "latin1");
      if (!line.includes(word) && !readFileSync(`/proc/${pid}/environ`, "latin1").includes(word)) continue;
      const shell = line.includes("\0lyonnais-guard\0") ? "guard" : "keeper";
      const kind = line.startsWith("/bin/sh\0") ? shell : line.startsWith(process.execPath) ? "daemon" : undefined;
      const [state, parent] = readFileSync(`/proc/${pid}/stat`, "latin1")
        .replace(/^.*\) /s, "")
        .split(" ");
      if (kind && state !== "Z" && state !== "X") members.push({ pid, parent: Number(parent), kind });
    } catch {
      // Gone while it was looked at.
    }
  }
  return members;
}

/** Kills them all, stopped first: a keeper would start another daemon, and the other way round. */
export async function endFamily(word: string): Promise<void> {
  await until(() => {
    const members = family(word);
    for (const signal of ["SIGSTOP", "SIGKILL"] as const) for (const { pid } of members) send(pid, signal);
    return members.length === 0;
  }, "the end of the test's processes");
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
