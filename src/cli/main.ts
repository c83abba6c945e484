#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { isErrno } from "../core/base/errno.ts";
import { COMMANDS } from "./commands.ts";

/** Every command, or only the one asked for: what it needs is loaded with it, and the others would cost its start. */
async function buildProgram(wanted: string | undefined): Promise<Command> {
  const program = new Command("lyonnais")
    .description("the BSD process file system and accounting of anonymous memory for Linux")
    .exitOverride();
  const rows = COMMANDS.some(({ name }) => name === wanted) ? COMMANDS.filter(({ name }) => name === wanted) : COMMANDS;
  for (const { load } of rows) program.addCommand((await load())().exitOverride());
  return program;
}

/** Exit codes of the whole command line: 0 done, 1 failed, 2 wrong usage. */
async function main(argv: readonly string[]): Promise<number> {
  const program = await buildProgram(argv[2]);
  try {
    await program.parseAsync(argv);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!isErrno(error)) throw error;
    process.stderr.write(`lyonnais: ${error.message}\n`);
    return 1;
  }
}

// A reader that has gone, as in `lyonnais ls | head`, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});
process.exitCode = await main(process.argv);
