import { Command } from "commander";
import { connectDaemon, stopDaemon, tellDaemon } from "../../app/daemon/client.ts";
import { startDaemon } from "../../app/daemon/daemon.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { isInBackground, startDaemonInBackground, tellReady } from "../background.ts";
import { daemonCommandLine } from "../daemon-command-line.ts";
import { reportBug, reportError } from "../report.ts";
import { untilTold } from "../signals.ts";
import { stateFile } from "../state-file.ts";

export function daemonCommand(): Command {
  return new Command("daemon")
    .description("serve this user's mounts and commands, one process for all")
    .option("-f, --foreground", "in the foreground, until interrupted or stopped")
    .action(async (flags: { foreground?: true }) => {
      if (!flags.foreground) {
        if (!(await tellDaemon("stay", startDaemonInBackground))) process.exitCode = 1;
        return;
      }
      const daemon = await startDaemon({
        onDemand: isInBackground(),
        command: daemonCommandLine(),
        log: stateFile("server.log"),
        onBug: reportBug,
      }).catch(async (error) => {
        // Somebody else's came first: whoever wanted one has it.
        if (isErrno(error, "EADDRINUSE") && isInBackground() && (await answers())) return undefined;
        if (!isErrno(error)) throw error;
        reportError("daemon", error);
        // Of what it has begun something may still be open, and would keep this process, which has nothing to do.
        process.exit(1);
      });
      if (!daemon) return;
      void untilTold().then(daemon.stop);
      await tellReady();
      await daemon.ended;
    });
}

async function answers(): Promise<boolean> {
  const client = await connectDaemon().catch(() => undefined);
  await client?.close();
  return client !== undefined;
}

export function stopCommand(): Command {
  return new Command("stop")
    .description("end this user's daemon: unmount everything, let every process go")
    .option("--force", "lift the limits of commands that run; the daemon ends with the last of them")
    .action(async ({ force = false }: { force?: boolean }) => {
      if ((await stopDaemon(force)) === "none") throw new Errno("ESRCH", "no daemon of this user runs");
    });
}
