import { Command } from "commander";
import { runShell } from "../run-shell.ts";

export function shellCommand(): Command {
  return new Command("shell").description("the same tree in this process: no mount, no privilege").action(async () => {
    process.exitCode = await runShell();
  });
}
