import { Command } from "commander";
import type { TreePlace } from "../../app/open-tree.ts";
import { isErrno } from "../../core/base/errno.ts";
import { type Paint, paintFor } from "../paint.ts";
import { listProcessDirectory, readProcessFile } from "../read-process-file.ts";
import { paintStackLine, parseStackLine } from "../stack-line.ts";

interface Flags {
  readonly json?: true;
  readonly threads?: true;
}

/** What is printed of one stack. */
function linesOf(lines: readonly string[], json: boolean, paint: Paint): readonly string[] {
  return json ? [JSON.stringify(lines.map(parseStackLine), null, 2)] : lines.map((line) => paintStackLine(line, paint));
}

/** One stack after the other, each as the thread is at that moment; a thread that has exited meanwhile is left out. */
async function stacksOf(pid: string, place: TreePlace): Promise<readonly { tid: number; lines: string[] }[]> {
  const stacks: { tid: number; lines: string[] }[] = [];
  for (const tid of await listProcessDirectory(pid, "lwp", place)) {
    try {
      stacks.push({ tid: Number(tid), lines: await readProcessFile(pid, `lwp/${tid}/stack`, place) });
    } catch (error) {
      if (!isErrno(error, "ENOENT", "ESRCH")) throw error;
    }
  }
  return stacks;
}

async function showThreads(pid: string, place: TreePlace, json: boolean, paint: Paint): Promise<readonly string[]> {
  const stacks = await stacksOf(pid, place);
  if (json) {
    const parsed = stacks.map(({ tid, lines }) => ({ tid, calls: lines.map(parseStackLine) }));
    return [JSON.stringify(parsed, null, 2)];
  }
  return stacks.flatMap(({ tid, lines }) => [paint("bold", `thread ${tid}`), ...linesOf(lines, false, paint)]);
}

export function btCommand(): Command {
  return new Command("bt")
    .description("the calls of a process that have not returned, the innermost first")
    .argument("[pid]", "a pid, or the directory of a process below a mount", ".")
    .option("-a, --threads", "of every thread, one after the other")
    .option("--json", "for programs")
    .action(async (pid: string, flags: Flags, command: Command) => {
      const place = command.optsWithGlobals<TreePlace>();
      const paint = paintFor(process.stdout, process.env);
      const json = flags.json ?? false;
      const shown = flags.threads
        ? await showThreads(pid, place, json, paint)
        : linesOf(await readProcessFile(pid, "stack", place), json, paint);
      for (const line of shown) process.stdout.write(`${line}\n`, "latin1");
    });
}
