#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { Errno } from "../core/base/errno.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { mountCommand } from "./commands/mount.ts";
import { shellCommand } from "./commands/shell.ts";
import { startCommand } from "./commands/start.ts";
import { catCommand, lsCommand, writeCommand } from "./commands/tree.ts";
import { umountCommand } from "./commands/umount.ts";

/** One factory a command, in the order `--help` lists them. */
const COMMANDS: readonly (() => Command)[] = [
  startCommand,
  mountCommand,
  umountCommand,
  shellCommand,
  lsCommand,
  catCommand,
  writeCommand,
  doctorCommand,
];

/** Exit codes of the whole command line: 0 done, 1 failed, 2 wrong usage. */
async function main(argv: readonly string[]): Promise<number> {
  const program = new Command("lyonnais")
    .description("the BSD process file system and accounting of anonymous memory for Linux")
    .exitOverride();
  for (const command of COMMANDS) program.addCommand(command().exitOverride());
  try {
    await program.parseAsync(argv);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof Errno)) throw error;
    process.stderr.write(`lyonnais: ${error.message}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv);
