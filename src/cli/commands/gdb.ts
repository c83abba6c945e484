import { basename } from "node:path";
import { Command } from "commander";
import { Debuggee } from "../../app/gdb/debuggee.ts";
import { debugOver, type GdbService, listenGdb } from "../../app/gdb/serve-gdb.ts";
import { openTreeAt, type TreePlace } from "../../app/open-tree.ts";
import { Errno } from "../../core/base/errno.ts";
import { reportBug, reportError } from "../report.ts";
import { untilTold } from "../signals.ts";

export function gdbCommand(): Command {
  return new Command("gdb")
    .description("debug a process by gdb or lldb: target remote | lyonnais gdb PID")
    .option("-l, --listen <address>", "wait for one client at tcp:127.0.0.1:PORT or unix:PATH, not on standard input")
    .argument("[pid]", "a pid, or the directory of a process below a mount; without it the client says which")
    .action(async (process: string | undefined, flags: { listen?: string }, command: Command) => {
      const place = command.optsWithGlobals<TreePlace>();
      const { client, path } = await openTreeAt(process ?? "", place, "process");
      try {
        await serve(flags.listen, {
          debuggee: new Debuggee(client, place.remote === undefined, (pid) =>
            process === undefined ? `${pid}` : path,
          ),
          pid: process === undefined ? undefined : pidOf(path),
        });
      } finally {
        await client.close();
      }
    });
}

function pidOf(path: string): number {
  const name = basename(path);
  if (!/^[1-9][0-9]{0,9}$/.test(name)) throw new Errno("EINVAL", `${name} is no pid`);
  return Number(name);
}

async function serve(listen: string | undefined, what: Pick<GdbService, "debuggee" | "pid">): Promise<void> {
  const told = new AbortController();
  void untilTold().then(() => told.abort());
  const onRefused = (error: Errno): void => reportError("gdb", error);
  const service: GdbService = { ...what, stop: told.signal, onBug: reportBug, onRefused };
  if (listen === undefined) {
    // A client that reads no more ends the session, which lets the process go, and not at once this command.
    process.stdout.removeAllListeners("error");
    await debugOver({ input: process.stdin, output: process.stdout }, service);
    // Nothing is to be read any more.
    process.stdin.destroy();
    return;
  }
  await listenGdb(listen, service, (address) => process.stdout.write(`listening on ${address}\n`));
}
