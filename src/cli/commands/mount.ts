import { Command } from "commander";
import { MOUNT_OPTIONS, parseMountOptions } from "../../app/mount-options.ts";
import { startDaemonInBackground, tellReady } from "../background.ts";

export function mountCommand(): Command {
  return new Command("mount")
    .description("mount the process file system on a directory")
    .option("-f, --foreground", "serve in the foreground, until unmounted or interrupted")
    .option("-o, --options <list>", `comma-separated: ${MOUNT_OPTIONS.map((row) => row.word).join(", ")}`, "")
    .argument("<dir>", "an existing directory")
    .action(async (dir: string, flags: { foreground?: true; options: string }) => {
      const settings = parseMountOptions(flags.options);
      // Neither is loaded for the other: it would double the time it takes.
      if (flags.foreground) {
        const { serveMount } = await import("../serve-mount.ts");
        await serveMount(dir, settings, tellReady);
      } else {
        const [{ mountPoint }, { mountByDaemon }] = await Promise.all([
          import("../../app/mount.ts"),
          import("../../app/daemon/client.ts"),
        ]);
        const mounted = await mountByDaemon(mountPoint(dir), flags.options, startDaemonInBackground);
        if (!mounted) process.exitCode = 1;
      }
    });
}
