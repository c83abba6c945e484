import { resolve } from "node:path";
import { Command } from "commander";
import { connectDaemon, tellDaemon } from "../../app/daemon/client.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { isInBackground, startDaemonInBackground, tellReady } from "../background.ts";
import { configFlag, daemonCommandLine } from "../daemon-command-line.ts";
import { reportBug, reportError, reportProblem } from "../report.ts";
import { END_SIGNALS, untilTold } from "../signals.ts";
import { historyDir, stateFile } from "../state-file.ts";

export function daemonCommand(): Command {
  return new Command("daemon")
    .description("serve this user's mounts and commands, one process for all")
    .option("-f, --foreground", "in the foreground, until interrupted or stopped")
    .option(
      "--config <file>",
      "the limits of users to go by, instead of /etc/lyonnais/limits.toml; SIGHUP reads them again",
    )
    .action(async (flags: { foreground?: true; config?: string }) => {
      const config = flags.config === undefined ? undefined : resolve(flags.config);
      if (!flags.foreground) {
        if (config !== undefined && (await answers()))
          throw new Errno("EBUSY", "a daemon runs, with the limits that it was started with; lyonnais stop ends it");
        const start = (): Promise<void> => startDaemonInBackground(...configFlag(config));
        if (!(await tellDaemon("stay", start))) process.exitCode = 1;
        return;
      }
      // The daemon itself is most of this program: who only has one started does without.
      const { startDaemon } = await import("../../app/daemon/daemon.ts");
      const daemon = await startDaemon({
        onDemand: isInBackground(),
        command: daemonCommandLine(config),
        config,
        log: stateFile("server.log"),
        history: historyDir(),
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
      void untilTold(daemon.reload ? END_SIGNALS.filter((signal) => signal !== "SIGHUP") : END_SIGNALS).then(
        daemon.stop,
      );
      if (daemon.reload) onHangup(daemon.reload);
      await tellReady();
      await daemon.ended;
    });
}

/** What it comes to is in the log. */
function onHangup(reload: () => Promise<string>): void {
  process.on("SIGHUP", () => {
    reload().then(
      (said) => reportProblem("limits", said),
      (error) => (isErrno(error) ? reportError("limits", error) : reportBug(error)),
    );
  });
}

async function answers(): Promise<boolean> {
  const client = await connectDaemon().catch(() => undefined);
  await client?.close();
  return client !== undefined;
}
