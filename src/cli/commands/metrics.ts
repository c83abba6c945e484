import { Command, Option } from "commander";
import { openTree, type TreePlace } from "../../app/open-tree.ts";
import { readAll } from "../../app/tree-client.ts";
import { type MetricFormat, renderMetrics } from "../metrics.ts";

export function metricsCommand(): Command {
  return new Command("metrics")
    .description("print what is reserved, limited and refused, and how the daemon does, for Prometheus")
    .addOption(
      new Option("--format <name>", "of the text").choices(["prometheus", "openmetrics"]).default("prometheus"),
    )
    .action(async ({ format }: { format: MetricFormat }, command: Command) => {
      const client = await openTree(command.optsWithGlobals<TreePlace>());
      const textOf = async (path: string): Promise<string> => {
        const parts: Uint8Array[] = [];
        await readAll(client, path, (bytes) => parts.push(bytes));
        return Buffer.concat(parts).toString("latin1");
      };
      try {
        const files = {
          swap: await textOf("swap"),
          accounts: await textOf("accounts"),
          counters: await textOf("counters"),
        };
        process.stdout.write(renderMetrics(files, format));
      } finally {
        await client.close();
      }
    });
}
