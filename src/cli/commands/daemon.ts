import { Command } from "commander";
import { stopDaemon, tellDaemon } from "../../app/daemon/client.ts";
import { startDaemon } from "../../app/daemon/daemon.ts";
import { Errno } from "../../core/base/errno.ts";
import { isInBackground, startInBackground, tellReady } from "../background.ts";
import { reportBug } from "../report.ts";
import { untilTold } from "../signals.ts";

export function daemonCommand(): Command {
  return new Command("daemon")
    .description("serve this user's mounts and commands, one process for all")
    .option("-f, --foreground", "in the foreground, until interrupted or stopped")
    .action(async (flags: { foreground?: true }) => {
      if (!flags.foreground) {
        if (!(await tellDaemon("stay", () => startInBackground(["daemon", "-f"])))) process.exitCode = 1;
        return;
      }
      const daemon = await startDaemon({
        onDemand: isInBackground(),
        onBug: reportBug,
      });
      void untilTold().then(daemon.stop);
      await tellReady();
      await daemon.ended;
    });
}

export function stopCommand(): Command {
  return new Command("stop")
    .description("end this user's daemon: unmount everything, let every process go")
    .action(async () => {
      if (!(await stopDaemon())) throw new Errno("ESRCH", "no daemon of this user runs");
    });
}
