import { Argument, Command } from "commander";
import { completionScript, SHELLS, type Shell } from "../completion.ts";

export function completionCommand(): Command {
  return new Command("completion")
    .description("print a script that has a shell complete commands and options")
    .addArgument(new Argument("<shell>", "whose script").choices(SHELLS))
    .action((shell: Shell, _flags: unknown, command: Command) => {
      process.stdout.write(completionScript(command.parent!, shell));
    });
}
