import { readFileSync } from "node:fs";
import { Command } from "commander";
import { COMMANDS } from "./commands.ts";
import { exampleText } from "./examples.ts";
import { usageLine } from "./report.ts";

/** Of package.json, three folders up from where this file is built to. */
function version(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/**
 * Every command, or only the one asked for: what it needs is loaded with it, and the others would cost its start. Wrong
 * usage throws CommanderError and has been told in one line.
 */
export async function buildProgram(args: readonly string[] = []): Promise<Command> {
  const program = new Command("lyonnais")
    .description("the BSD process file system and accounting of anonymous memory for Linux")
    .version(version(), "-V, --version", "print the version")
    .option(
      "-r, --remote <address>",
      "of ls, cat, write, shell, stop, bt, regs, gdb and metrics: the tree served there, not this host's",
    )
    .option("--tls <file>", "of a remote tls address: certificate, key and issuer, as TOML")
    .exitOverride()
    // What is said before the command is global, what is said after it is the command's: both may have a --tls.
    .enablePositionalOptions()
    .configureOutput({ outputError: (text, write) => write(usageLine(text)) });
  const wanted = COMMANDS.filter(({ name }) => name === firstOperand(args));
  const isAlone = wanted.length > 0 && !wanted[0]!.needsAll;
  const rows = isAlone ? wanted : asksForVersion(args) ? [] : COMMANDS;
  for (const { load, remote, name } of rows) {
    const command = (await load())().copyInheritedSettings(program).addHelpText("after", exampleText(name));
    if (!remote) command.hook("preAction", () => refuseRemote(program, name));
    for (const part of command.commands) part.copyInheritedSettings(program);
    program.addCommand(command);
  }
  return program;
}

/** What is about this host must not be taken for something about another. */
function refuseRemote(program: Command, name: string): void {
  if (program.opts()["remote"] !== undefined) program.error(`error: ${name} is about this host and takes no -r`);
}

/** Whether nothing but the version is wanted, which needs no command. */
const asksForVersion = (args: readonly string[]): boolean => ["-V", "--version"].includes(args[0] ?? "");

/** What commander will take for the command: behind the global options and their values. */
function firstOperand(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    if (["-r", "--remote", "--tls"].includes(args[i]!)) i++;
    else if (!args[i]!.startsWith("-")) return args[i];
  }
  return undefined;
}
