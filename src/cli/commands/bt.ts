import { Command } from "commander";
import type { TreePlace } from "../../app/open-tree.ts";
import { paintFor } from "../paint.ts";
import { readProcessFile } from "../read-process-file.ts";
import { paintStackLine, parseStackLine } from "../stack-line.ts";

export function btCommand(): Command {
  return new Command("bt")
    .description("the calls of a process that have not returned, the innermost first")
    .argument("[pid]", "a pid, or the directory of a process below a mount", ".")
    .option("--json", "for programs")
    .action(async (pid: string, flags: { json?: true }, command: Command) => {
      const lines = await readProcessFile(pid, "stack", command.optsWithGlobals<TreePlace>());
      const paint = paintFor(process.stdout, process.env);
      const shown = flags.json
        ? [JSON.stringify(lines.map(parseStackLine), null, 2)]
        : lines.map((line) => paintStackLine(line, paint));
      for (const line of shown) process.stdout.write(`${line}\n`, "latin1");
    });
}
