import { Command } from "commander";
import type { TreePlace } from "../../app/open-tree.ts";
import { paintFor } from "../paint.ts";
import { readProcessFile } from "../read-process-file.ts";

export function regsCommand(): Command {
  return new Command("regs")
    .description("the general registers of a process")
    .argument("<pid>", "a pid, or the directory of a process below a mount")
    .option("--json", "for programs")
    .action(async (pid: string, flags: { json?: true }, command: Command) => {
      const lines = await readProcessFile(pid, "regs.txt", command.optsWithGlobals<TreePlace>());
      const registers = lines.map((line) => line.split(" ") as [name: string, value: string]);
      if (flags.json) {
        process.stdout.write(`${JSON.stringify(Object.fromEntries(registers), null, 2)}\n`);
        return;
      }
      const paint = paintFor(process.stdout, process.env);
      const width = Math.max(...registers.map(([name]) => name.length));
      for (const [name, value] of registers) {
        process.stdout.write(`${paint("bold", name.padEnd(width))}  0x${value.slice(2).padStart(16, "0")}\n`);
      }
    });
}
