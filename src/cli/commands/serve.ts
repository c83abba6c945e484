import { Command } from "commander";
import { composeLiveHost } from "../../app/compose.ts";
import { parseMountOptions } from "../../app/mount-options.ts";
import { serveProcfs } from "../../app/serve.ts";
import { readTlsServer } from "../../app/tls-files.ts";
import { reportBug } from "../report.ts";
import { untilTold } from "../signals.ts";

export function serveCommand(): Command {
  return new Command("serve")
    .description("serve the process file system over 9P2000.L")
    .option("-l, --listen <address>", "unix:PATH, tcp:HOST:PORT or tls:HOST:PORT", "tcp:127.0.0.1:5640")
    .option("-o, --options <list>", "as for mount", "")
    .option("--tls <file>", "certificate, key, and the clients' uids, as TOML")
    .action(async (flags: { listen: string; options: string; tls?: string }) => {
      const { live } = parseMountOptions(flags.options);
      const tls = flags.tls === undefined ? undefined : readTlsServer(flags.tls);
      const host = composeLiveHost(reportBug);
      try {
        const listening = await serveProcfs(host, flags.listen, live, tls, reportBug);
        process.stdout.write(`serving on ${listening.address}\n`);
        await untilTold();
        await listening.close();
      } finally {
        await host.close();
      }
    });
}
