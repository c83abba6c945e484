import { Errno, isErrno } from "../../core/base/errno.ts";
import { SHELL_COMMANDS, type ShellState, usageError } from "./commands.ts";
import { splitWords } from "./words.ts";

/** Runs one line. EINVAL for what is no command, or not its usage. */
export async function runLine(state: ShellState, line: string, stop: AbortSignal): Promise<void> {
  const [name, ...args] = splitWords(line);
  if (name === undefined) return;
  const command = SHELL_COMMANDS.find((candidate) => candidate.name === name);
  if (!command) throw new Errno("EINVAL", `no command ${name}; help lists them`);
  const [least, most] = command.args;
  if (args.length < least || args.length > most) throw usageError(command);
  await command.run(state, args, stop);
}

/**
 * Runs every line of a script; an error is told with its line and does not end it. True when none failed.
 */
export async function runScript(
  state: ShellState,
  lines: AsyncIterable<string>,
  tell: (line: number, message: string) => void,
): Promise<boolean> {
  let number = 0;
  let ok = true;
  for await (const line of lines) {
    number++;
    try {
      await runLine(state, line, new AbortController().signal);
    } catch (error) {
      if (!isErrno(error)) throw error;
      ok = false;
      tell(number, error.message);
    }
    if (state.done) break;
  }
  return ok;
}
