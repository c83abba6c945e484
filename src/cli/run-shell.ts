import { createInterface } from "node:readline";
import { openTree, type TreePlace } from "../app/open-tree.ts";
import { latin1 } from "../core/base/text.ts";
import { hostNames } from "./names.ts";
import { reportProblem } from "./report.ts";
import type { ShellState } from "./shell/commands.ts";
import { interact } from "./shell/interactive.ts";
import { runScript } from "./shell/shell.ts";
import { show } from "./terminal.ts";

/** The shell on a tree, this host's by default; resolves to the exit code. Standard input that is no terminal is a script. */
export async function runShell(place: TreePlace = {}): Promise<number> {
  const client = await openTree(place);
  const state: ShellState = {
    client,
    names: hostNames(),
    cwd: "/",
    done: false,
    out: (text) => show(latin1(text)),
  };
  try {
    if (process.stdin.isTTY) {
      process.stdout.write(
        `The process file system ${place.remote === undefined ? "of this host" : `at ${place.remote}`}. help lists the commands.\n`,
      );
      await interact(state);
      return 0;
    }
    const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
    const ok = await runScript(state, lines, (line, message) => {
      reportProblem(`line ${line}`, message);
    });
    return ok ? 0 : 1;
  } finally {
    await client.close();
  }
}
