import { closeSync, constants, ftruncateSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { openPrivate } from "../../app/private-file.ts";
import { isErrno } from "../../core/base/errno.ts";
import { stateFile } from "../state-file.ts";
import { oneLine } from "../terminal.ts";
import type { ShellState } from "./commands.ts";
import { complete } from "./complete.ts";
import { runLine } from "./shell.ts";

const { O_CREAT, O_RDONLY, O_WRONLY } = constants;
const HISTORY_LINES = 1000;

const historyFile = (): string => stateFile("history");

/** Newest first, as readline wants it. A shell without a readable history starts with none. */
function readHistory(): string[] {
  try {
    const fd = openPrivate(historyFile(), O_RDONLY);
    try {
      return readFileSync(fd, "utf8").split("\n").filter(Boolean).reverse();
    } finally {
      closeSync(fd);
    }
  } catch {
    return [];
  }
}

function writeHistory(newestFirst: readonly string[]): void {
  try {
    const fd = openPrivate(historyFile(), O_WRONLY | O_CREAT);
    try {
      ftruncateSync(fd);
      writeFileSync(fd, `${[...newestFirst].reverse().join("\n")}\n`);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    process.stderr.write(`lyonnais: history not saved: ${(error as Error).message}\n`);
  }
}

/** A person at a terminal: prompt, history, completion; Ctrl-C ends what waits, Ctrl-D leaves. */
export async function interact(state: ShellState): Promise<void> {
  /** Of the command that runs. */
  let stop: AbortController | undefined;
  let history = readHistory();
  const line = createInterface({
    input: process.stdin,
    output: process.stdout,
    history: history.slice(0, HISTORY_LINES),
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
    completer: (text: string, done: (error: Error | null, result: [string[], string]) => void) => {
      complete(text, state.cwd, state.client).then(
        (result) => done(null, result),
        (error: Error) => done(error, [[], text]),
      );
    },
  });
  line.on("history", (lines: string[]) => {
    history = lines;
  });
  line.on("SIGINT", () => {
    process.stdout.write("\n");
    if (stop) stop.abort();
    else {
      // Throw away what was typed so far, as a shell does.
      line.write(null, { ctrl: true, name: "e" });
      line.write(null, { ctrl: true, name: "u" });
      prompt();
    }
  });
  const prompt = (): void => {
    line.setPrompt(`proc:${oneLine(state.cwd)}> `);
    line.prompt();
  };
  prompt();
  for await (const text of line) {
    stop = new AbortController();
    try {
      await runLine(state, text, stop.signal);
    } catch (error) {
      if (!isErrno(error)) throw error;
      process.stderr.write(`${oneLine(error.message)}\n`);
    } finally {
      stop = undefined;
    }
    if (state.done) break;
    prompt();
  }
  if (!state.done) process.stdout.write("\n");
  line.close();
  writeHistory(history);
}
