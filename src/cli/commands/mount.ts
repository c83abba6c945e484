import { spawn } from "node:child_process";
import { closeSync, writeSync } from "node:fs";
import { Command } from "commander";
import { MOUNT_OPTIONS, parseMountOptions } from "../../app/mount-options.ts";
import { stateFile } from "../state-file.ts";

/** The descriptor by which a background server says that its mount is there. */
const READY_FD = 3;
const READY_VARIABLE = "LYONNAIS_READY";
const BACKGROUND = "background";

/** In the background, standard error goes to the log from here on, so that nobody waits for its end. */
async function tellReady(): Promise<void> {
  if (process.env[READY_VARIABLE] === undefined) return;
  if (process.env[READY_VARIABLE] === BACKGROUND) {
    const { redirectErrorsTo } = await import("../../app/redirect-errors.ts");
    redirectErrorsTo(stateFile("server.log"));
  }
  writeSync(READY_FD, "ready\n");
  closeSync(READY_FD);
}

/** Starts the same command in the foreground of a session of its own; resolves to its exit code, or 0 once it is ready. */
function mountInBackground(dir: string, options: string): Promise<number> {
  const child = spawn(process.execPath, [process.argv[1]!, "mount", "-f", "-o", options, "--", dir], {
    detached: true,
    env: { ...process.env, [READY_VARIABLE]: BACKGROUND },
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
    const ready = child.stdio[READY_FD]!;
    ready.once("data", () => {
      ready.destroy();
      child.unref();
      resolve(0);
    });
  });
}

export function mountCommand(): Command {
  return new Command("mount")
    .description("mount the process file system on a directory")
    .option("-f, --foreground", "serve in the foreground, until unmounted or interrupted")
    .option("-o, --options <list>", `comma-separated: ${MOUNT_OPTIONS.map((row) => row.word).join(", ")}`, "")
    .argument("<dir>", "an existing directory")
    .action(async (dir: string, flags: { foreground?: true; options: string }) => {
      const settings = parseMountOptions(flags.options);
      if (flags.foreground) {
        // Not loaded by the command that only starts a background server: it would double its time.
        const { serveMount } = await import("../serve-mount.ts");
        await serveMount(dir, settings, tellReady);
      } else process.exitCode = await mountInBackground(dir, flags.options);
    });
}
