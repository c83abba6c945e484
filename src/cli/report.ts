import type { Errno } from "../core/base/errno.ts";
import { oneLine } from "./terminal.ts";

/** `lyonnais: what: problem` on standard error. */
export function reportProblem(what: string, problem: string): void {
  process.stderr.write(`lyonnais: ${oneLine(`${what}: ${problem}`)}\n`);
}

/** `lyonnais: what: ERRNO: reason` on standard error. */
export function reportError(what: string, error: Errno): void {
  reportProblem(what, error.message);
}

/** What commander says about wrong usage, as one line of ours. */
export function usageLine(text: string): string {
  const [problem, suggestion] = text
    .replace(/^error: /, "")
    .trim()
    .split("\n");
  const hint = suggestion === undefined ? "see lyonnais --help" : suggestion.replace(/^\(Did (.*)\)$/, "did $1");
  return `lyonnais: ${oneLine(`${problem}; ${hint}`)}\n`;
}

/** What should never happen, with where it did. */
export function reportBug(error: unknown): void {
  process.stderr.write(`lyonnais: internal error: ${error instanceof Error ? error.stack : String(error)}\n`);
}
