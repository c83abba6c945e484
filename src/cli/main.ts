#!/usr/bin/env node
import { CommanderError } from "commander";
import { isErrno } from "../core/base/errno.ts";
import { nameThisProcess } from "./own-name.ts";
import { buildProgram } from "./program.ts";
import { reportError } from "./report.ts";

/** Exit codes of the whole command line: 0 done, 1 failed, 2 wrong usage. */
async function main(argv: readonly string[]): Promise<number> {
  let what = "lyonnais";
  const program = (await buildProgram(argv.slice(2))).hook("preAction", (_, action) => {
    const group = action.parent?.parent ? [action.parent.name()] : [];
    what = [...group, action.name(), ...action.args.slice(0, 1)].join(" ");
  });
  try {
    await program.parseAsync(argv);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!isErrno(error)) throw error;
    reportError(what, error);
    return 1;
  }
}

// A reader that has gone, as in `lyonnais ls | head`, is no error. `run` hands its descriptors on: a look at them would make
// pipes non-blocking.
for (const stream of process.argv[2] === "run" ? [] : [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}
nameThisProcess("lyonnais");
process.exitCode = await main(process.argv);
