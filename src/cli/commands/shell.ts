import { Command } from "commander";
import type { TreePlace } from "../../app/open-tree.ts";
import { runShell } from "../run-shell.ts";

export function shellCommand(): Command {
  return new Command("shell")
    .description("a shell on the same tree: no mount, no privilege")
    .action(async (_flags: unknown, command: Command) => {
      process.exitCode = await runShell(command.optsWithGlobals<TreePlace>());
    });
}
